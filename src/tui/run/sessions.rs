//! The thread that reads and writes files, so that a slow disk never holds up
//! a key.

use crate::hub::Settings;
use crate::measure::board;
use crate::session::atomic::write_atomically;
use crate::tui::app::Effect;
use crate::tui::store::{Reply, Store, cases, files, models};
use crossbeam_channel::{Receiver, Sender, unbounded};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// How long leaving waits for what is still being written.
const PATIENCE: Duration = Duration::from_secs(3);

pub struct Sessions {
    asks: Option<Sender<Effect>>,
    pub replies: Receiver<Reply>,
}

impl Sessions {
    pub fn start(store: Box<dyn Store>) -> io::Result<Sessions> {
        let (asks, asked) = unbounded();
        let (answers, replies) = unbounded();
        thread::Builder::new()
            .name("sessions".into())
            .spawn(move || serve(store, &asked, &answers))?;
        Ok(Sessions {
            asks: Some(asks),
            replies,
        })
    }

    pub fn ask(&self, effect: Effect) {
        if let Some(asks) = &self.asks {
            // Nobody there: the thread has panicked, and the log says how.
            let _ = asks.send(effect);
        }
    }

    /// Waits, within reason, until all that was asked is done.
    pub fn finish(&mut self) {
        self.asks = None;
        let end = std::time::Instant::now() + PATIENCE;
        // The thread's end closes the channel.
        while self.replies.recv_deadline(end).is_ok() {}
    }
}

fn serve(mut store: Box<dyn Store>, asked: &Receiver<Effect>, answers: &Sender<Reply>) {
    let looking = Looking::default();
    let mut next = asked.recv().ok();
    while let Some(effect) = next {
        let following = asked.try_recv().ok();
        let outdated = matches!(
            (&effect, &following),
            (Effect::Autosave(_), Some(Effect::Autosave(_)))
        );
        let reply = match effect {
            _ if outdated => None,
            Effect::Export { .. } => export(effect, answers),
            Effect::ListModels => {
                looking.begin(store.places(), answers.clone());
                None
            }
            effect => answer(store.as_mut(), effect),
        };
        if let Some(reply) = reply
            && answers.send(reply).is_err()
        {
            return;
        }
        next = following.or_else(|| asked.recv().ok());
    }
}

/// The thread that looks for models: a disk may hold hundreds, and saving does
/// not wait for their headers. Only the newest goes on.
#[derive(Default)]
struct Looking {
    newest: Arc<AtomicUsize>,
}

impl Looking {
    fn begin(&self, places: Settings, answers: Sender<Reply>) {
        let own = self.newest.fetch_add(1, Ordering::Relaxed) + 1;
        let newest = Arc::clone(&self.newest);
        let work = move || {
            models::tell(&places, &mut |entries| {
                let wanted = newest.load(Ordering::Relaxed) == own;
                wanted && answers.send(Reply::Models(entries)).is_ok()
            });
        };
        if let Err(error) = thread::Builder::new().name("models".into()).spawn(work) {
            tracing::error!(%error, "models are not looked for");
        }
    }
}

impl Drop for Looking {
    fn drop(&mut self) {
        self.newest.fetch_add(1, Ordering::Relaxed);
    }
}

/// Begins a thread of its own: a whole model takes its time, and saving does
/// not wait for it. An answer at once only where it could not begin.
fn export(effect: Effect, answers: &Sender<Reply>) -> Option<Reply> {
    let Effect::Export {
        form,
        to,
        source,
        data,
    } = effect
    else {
        return None;
    };
    let (answers, place) = (answers.clone(), to.clone());
    let work = move || {
        let result = files::export(form, &to, &source, &data);
        let _ = answers.send(Reply::Exported { to, result });
    };
    let begun = thread::Builder::new().name("export".into()).spawn(work);
    let failed = |e| Err(format!("nothing was exported: {e}"));
    begun.err().map(|e| Reply::Exported {
        to: place,
        result: failed(e),
    })
}

fn answer(store: &mut dyn Store, effect: Effect) -> Option<Reply> {
    Some(match effect {
        Effect::Save {
            path,
            change,
            over,
            data,
        } => Reply::Saved {
            change,
            result: store.save(&path, over, &data),
        },
        Effect::Autosave(data) => Reply::Autosaved(store.autosave(&data)),
        Effect::Discard => {
            store.discard();
            return None;
        }
        Effect::List(model) => Reply::Listed(store.list(&model)),
        Effect::Load(path, model) => {
            let loaded = store.load(&path, &model);
            Reply::Loaded(loaded.map(|(path, data)| (path, Box::new(data))))
        }
        Effect::ReadProbes(path) => {
            let result = match std::fs::read(&path).map(String::from_utf8) {
                Ok(Ok(text)) => Ok(board::parse(&text)),
                Ok(Err(_)) => Err(format!("{} is not UTF-8 text", path.display())),
                Err(e) => Err(format!("{} cannot be read: {e}", path.display())),
            };
            Reply::Probes { path, result }
        }
        Effect::Toured => {
            store.toured();
            return None;
        }
        Effect::WriteFile { path, text, over } if !over && path.is_file() => {
            Reply::InTheWay { path, text }
        }
        Effect::WriteFile { path, text, .. } => {
            Reply::Wrote(match write_atomically(&path, text.as_bytes()) {
                Ok(()) => Ok(path),
                Err(e) => Err(format!("{} cannot be written: {e}", path.display())),
            })
        }
        Effect::ReadCases(path, limit) => Reply::Cases(cases::read(path, limit).map(Box::new)),
        _ => return None,
    })
}
