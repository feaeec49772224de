//! A batch of contexts in parts, each on a core of its own.
//!
//! A small model's matrices lie in a core's cache, and its multiplications are
//! too short to be shared out: two cores took as long for a step as one. Whole
//! passes over half of the contexts each need no meeting but one a step.

use super::error::{EditError, Result};
use crate::model::Decoder;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::panic::resume_unwind;
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Contexts that are worth a part.
const CONTEXTS: usize = 8;
/// candle walks the gradient's graph by recursion.
const STACK: usize = 64 << 20;

/// One thread a part, within which nothing is shared out further.
pub struct Parts {
    pools: Vec<ThreadPool>,
}

impl Parts {
    /// As many parts of a batch as there are cores for, where that is worth it: one
    /// else.
    pub fn of(decoder: &Decoder, contexts: usize) -> Result<Parts> {
        match is_small(decoder) {
            true => Parts::new(rayon::current_num_threads().min(contexts / CONTEXTS)),
            false => Parts::new(1),
        }
    }

    /// For work that is whole in itself: a part a core for a small model, where
    /// such a piece comes to the same bits whatever is done beside it; the caller's
    /// thread, and all cores within it, for others.
    pub fn whole(decoder: &Decoder) -> Result<Parts> {
        match is_small(decoder) {
            true => Parts::pools(rayon::current_num_threads()),
            false => Parts::new(1),
        }
    }

    fn new(count: usize) -> Result<Parts> {
        Parts::pools(if count > 1 { count } else { 0 })
    }

    fn pools(count: usize) -> Result<Parts> {
        let pool = |_| {
            let pool = ThreadPoolBuilder::new().num_threads(1).stack_size(STACK);
            let pool = pool.thread_name(|_| "value".into()).build();
            pool.map_err(|error| EditError::Thread(error.to_string()))
        };
        Ok(Parts {
            pools: (0..count).map(pool).collect::<Result<_>>()?,
        })
    }

    pub fn count(&self) -> usize {
        self.pools.len().max(1)
    }

    /// `work` on each item, one a part and no more of them than parts; the first error
    /// in their order.
    pub fn each<T: Send, R: Send, E: Send>(
        &self,
        items: Vec<T>,
        work: impl Fn(T) -> Result<R, E> + Sync,
    ) -> Result<Vec<R>, E> {
        if self.pools.is_empty() {
            return items.into_iter().map(work).collect();
        }
        let work = &work;
        thread::scope(|scope| {
            let mut items = self.pools.iter().zip(items);
            let first = items.next();
            let others: Vec<_> = items
                .map(|(pool, item)| scope.spawn(move || pool.install(|| work(item))))
                .collect();
            let first = first.map(|(pool, item)| pool.install(|| work(item)));
            let others = others
                .into_iter()
                .map(|other| other.join().unwrap_or_else(|panic| resume_unwind(panic)));
            first.into_iter().chain(others).collect()
        })
    }

    /// `work` on each item, by whichever part is free next; an error stops the part
    /// that met it.
    pub fn share<T: Send, E: Send>(
        &self,
        items: Vec<T>,
        work: impl Fn(T) -> Result<(), E> + Sync,
    ) -> Result<(), E> {
        let waiting = Mutex::new(items.into_iter());
        let next = || {
            waiting
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .next()
        };
        let all = self.each(vec![(); self.count()], |()| {
            while let Some(item) = next() {
                work(item)?;
            }
            Ok(())
        });
        all.map(drop)
    }
}

/// Are its multiplications too short to be shared out?
fn is_small(decoder: &Decoder) -> bool {
    decoder.device().is_cpu() && decoder.config.is_small()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_and_errors_come_in_the_items_order() {
        for count in [1, 2, 3] {
            let parts = Parts::new(count).unwrap();
            assert_eq!(parts.count(), count);
            let items: Vec<usize> = (0..count).collect();
            let squares = parts
                .each(items.clone(), |n| Ok::<_, EditError>(n * n))
                .unwrap();
            assert_eq!(squares, items.iter().map(|n| n * n).collect::<Vec<_>>());
            let failed = parts.each(items, |n| match n {
                0 => Ok(n),
                n => Err(EditError::NotFinite { step: n }),
            });
            match (count, failed) {
                (1, Ok(all)) => assert_eq!(all, [0]),
                (_, Err(EditError::NotFinite { step })) => assert_eq!(step, 1),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn a_panic_in_a_part_is_the_callers() {
        let parts = Parts::new(2).unwrap();
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            parts.each(vec![0, 1], |n| {
                assert_eq!(n, 0, "the second part panics");
                Ok::<_, EditError>(n)
            })
        }));
        assert!(caught.is_err());
    }

    #[test]
    fn nothing_is_shared_out_within_a_part() {
        let parts = Parts::new(2).unwrap();
        let threads = parts.each(vec![(), ()], |()| {
            Ok::<_, EditError>(rayon::current_num_threads())
        });
        assert_eq!(threads.unwrap(), [1, 1]);
    }

    #[test]
    fn every_item_is_done_once_by_whoever_is_free() {
        for count in [0, 1, 3] {
            let parts = Parts::pools(count).unwrap();
            let done = Mutex::new(Vec::new());
            let shared = parts.share((0..50).collect(), |n| {
                done.lock().unwrap().push(n);
                Ok::<_, EditError>(())
            });
            shared.unwrap();
            let mut done = done.into_inner().unwrap();
            done.sort_unstable();
            assert_eq!(done, (0..50).collect::<Vec<_>>());
        }
    }
}
