//! Others watch: every frame also goes to whoever has opened a socket, in a
//! folder that only the user may enter. Nothing that they send is ever read.

use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded, unbounded};

/// Frames that wait for a slow watcher before it is left behind.
const BEHIND: usize = 32;
/// How long a watcher may take nothing before it is given up.
const PATIENCE: Duration = Duration::from_secs(30);

/// The socket, and those who watch.
pub struct Followers {
    path: PathBuf,
    joined: Receiver<UnixStream>,
    all: Vec<Follower>,
}

struct Follower {
    frames: Sender<Arc<[u8]>>,
    /// Frames were left out: it needs a whole one before the next.
    stale: bool,
}

impl Followers {
    /// Opens a socket in `folder`, which becomes the user's alone; `wake` is
    /// called whenever somebody joins, so that a frame is drawn.
    ///
    /// # Errors
    /// The folder or the socket cannot be made.
    pub fn listen(folder: &Path, wake: impl Fn() + Send + 'static) -> io::Result<Followers> {
        fs::create_dir_all(folder)?;
        fs::set_permissions(folder, Permissions::from_mode(0o700))?;
        let path = folder.join(format!("{}.sock", std::process::id()));
        // One of an earlier process of this number.
        let _ = fs::remove_file(&path);
        let listener = UnixListener::bind(&path)?;
        fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        let (to, joined) = unbounded();
        thread::Builder::new()
            .name("follow".into())
            .spawn(move || {
                for stream in listener.incoming().flatten() {
                    if to.send(stream).is_err() {
                        return;
                    }
                    wake();
                }
            })?;
        Ok(Followers {
            path,
            joined,
            all: Vec::new(),
        })
    }

    /// Where the socket is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn count(&self) -> usize {
        self.all.len()
    }

    /// Sends a frame to those who have all before it, and a whole one, which
    /// `whole` paints, to the others.
    pub fn frame(&mut self, bytes: &[u8], whole: impl Fn() -> Vec<u8>) {
        for stream in self.joined.try_iter() {
            if let Some(follower) = Follower::begin(stream) {
                self.all.push(follower);
            }
        }
        if self.all.is_empty() {
            return;
        }
        let frame: Arc<[u8]> = bytes.into();
        let mut painted: Option<Arc<[u8]>> = None;
        self.all.retain_mut(|follower| {
            let next = match follower.stale {
                // Only once it has taken everything: else it would fall behind again.
                true if !follower.frames.is_empty() => return true,
                true => Arc::clone(painted.get_or_insert_with(|| whole().into())),
                false if frame.is_empty() => return true,
                false => Arc::clone(&frame),
            };
            match follower.frames.try_send(next) {
                Ok(()) => follower.stale = false,
                Err(TrySendError::Full(_)) => follower.stale = true,
                Err(TrySendError::Disconnected(_)) => return false,
            }
            true
        });
    }

    /// Whether somebody has joined, or waits for a whole frame.
    pub fn waiting(&self) -> bool {
        !self.joined.is_empty() || self.all.iter().any(|follower| follower.stale)
    }
}

impl Drop for Followers {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

impl Follower {
    fn begin(mut stream: UnixStream) -> Option<Follower> {
        stream.set_write_timeout(Some(PATIENCE)).ok()?;
        let (frames, waiting) = bounded::<Arc<[u8]>>(BEHIND);
        let write = move || {
            for frame in waiting {
                if stream.write_all(&frame).is_err() {
                    return;
                }
            }
        };
        let begun = thread::Builder::new().name("follower".into()).spawn(write);
        begun.ok().map(|_| Follower {
            frames,
            stale: true,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Instant;

    fn until(what: impl Fn() -> bool) {
        let start = Instant::now();
        while !what() {
            assert!(start.elapsed() < Duration::from_secs(10), "it never came");
            thread::sleep(Duration::from_millis(2));
        }
    }

    fn read(stream: &mut UnixStream, wanted: usize) -> Vec<u8> {
        let mut bytes = vec![0; wanted];
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        stream.read_exact(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn who_joins_gets_a_whole_frame_first() {
        let folder = tempfile::tempdir().unwrap();
        let woken = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&woken);
        let mut all = Followers::listen(&folder.path().join("follow"), move || {
            count.fetch_add(1, Ordering::SeqCst);
        })
        .unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(all.path()), 0o600);
        assert_eq!(mode(all.path().parent().unwrap()), 0o700);
        all.frame(b"seen by nobody", || panic!("nobody is there"));
        let mut one = UnixStream::connect(all.path()).unwrap();
        until(|| woken.load(Ordering::SeqCst) == 1);
        assert!(all.waiting());
        // What it sends is never read.
        one.write_all(b"q").unwrap();
        all.frame(b"part", || b"whole".to_vec());
        all.frame(b"part", || panic!("it is up to date"));
        assert_eq!(read(&mut one, 9), b"wholepart");
        assert_eq!((all.count(), all.waiting()), (1, false));
        let path = all.path().to_owned();
        drop(all);
        assert!(!path.exists());
        // The end, or a reset: what it had sent was never read.
        assert!(matches!(one.read(&mut [0]), Ok(0) | Err(_)));
    }

    #[test]
    fn a_slow_one_holds_nobody_up_and_comes_back_whole() {
        let folder = tempfile::tempdir().unwrap();
        let mut all = Followers::listen(folder.path(), || {}).unwrap();
        let mut slow = UnixStream::connect(all.path()).unwrap();
        until(|| all.waiting());
        let frame = vec![b'x'; 100_000];
        let start = Instant::now();
        for _ in 0..200 {
            all.frame(&frame, || b"W".to_vec());
        }
        assert!(start.elapsed() < Duration::from_secs(2));
        assert!(all.waiting(), "200 frames of 100 kB cannot all wait");
        // It reads on, and once it has all that waited, a whole frame follows.
        let stream = slow.try_clone().unwrap();
        let reader = thread::spawn(move || {
            let mut seen = Vec::new();
            let mut buffer = [0; 1 << 16];
            stream
                .set_read_timeout(Some(Duration::from_secs(5)))
                .unwrap();
            while !seen.ends_with(b"W") || seen.len() < 2 {
                let n = slow.read(&mut buffer).unwrap();
                seen.extend_from_slice(&buffer[..n]);
            }
            seen
        });
        let start = Instant::now();
        while all.waiting() {
            all.frame(b"", || b"W".to_vec());
            assert!(start.elapsed() < Duration::from_secs(10));
            thread::sleep(Duration::from_millis(1));
        }
        let seen = reader.join().unwrap();
        assert_eq!(seen[0], b'W');
        assert!(seen.len() < 100 * frame.len());
    }
}
