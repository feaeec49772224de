//! A batch of contexts in parts, each on a core of its own.
//!
//! A small model's matrices lie in a core's cache, and its multiplications are
//! too short to be shared out: two cores took as long for a step as one. Whole
//! passes over half of the contexts each need no meeting but one a step.

use super::error::{EditError, Result};
use crate::model::Decoder;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::panic::resume_unwind;
use std::thread;

/// Weights of one MLP up to which a layer stays in a core's cache (in f32 2 MB).
const SMALL: usize = 1 << 19;
/// Contexts that are worth a part.
const CONTEXTS: usize = 8;
/// candle walks the gradient's graph by recursion.
const STACK: usize = 64 << 20;

/// One thread a part, within which nothing is shared out further.
pub(super) struct Parts {
    pools: Vec<ThreadPool>,
}

impl Parts {
    /// As many parts as there are cores for, where that is worth it: one else.
    pub fn of(decoder: &Decoder, contexts: usize) -> Result<Parts> {
        let config = &decoder.config;
        let small = decoder.device().is_cpu() && config.d * config.d_mlp <= SMALL;
        let count = match small {
            true => rayon::current_num_threads().min(contexts / CONTEXTS),
            false => 1,
        };
        Parts::new(count)
    }

    fn new(count: usize) -> Result<Parts> {
        let pool = |_| {
            let pool = ThreadPoolBuilder::new().num_threads(1).stack_size(STACK);
            let pool = pool.thread_name(|_| "value".into()).build();
            pool.map_err(|error| EditError::Thread(error.to_string()))
        };
        let pools = match count {
            0 | 1 => Vec::new(),
            _ => (0..count).map(pool).collect::<Result<_>>()?,
        };
        Ok(Parts { pools })
    }

    pub fn count(&self) -> usize {
        self.pools.len().max(1)
    }

    /// `work` on each item, one a part; the first error in their order.
    pub fn each<T: Send, R: Send>(
        &self,
        items: Vec<T>,
        work: impl Fn(T) -> Result<R> + Sync,
    ) -> Result<Vec<R>> {
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
            let squares = parts.each(items.clone(), |n| Ok(n * n)).unwrap();
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
                Ok(n)
            })
        }));
        assert!(caught.is_err());
    }

    #[test]
    fn nothing_is_shared_out_within_a_part() {
        let parts = Parts::new(2).unwrap();
        let threads = parts.each(vec![(), ()], |()| Ok(rayon::current_num_threads()));
        assert_eq!(threads.unwrap(), [1, 1]);
    }
}
