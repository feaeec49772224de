//! Fetching from the hub, proved against a server on the loopback that speaks
//! its protocol and breaks it in every way that networks do.

mod server;

use pentimento::hub::{HubError, ModelId, Progress, Settings, Snapshot, Token, cache, fetch};
use server::{Fault, Server};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A cache folder and a model of it.
struct Place {
    settings: Settings,
    id: ModelId,
    _folder: tempfile::TempDir,
}

impl Place {
    fn at(server: &Server) -> Place {
        let folder = tempfile::tempdir().unwrap();
        Place {
            settings: Settings {
                endpoint: server.address(),
                cache: Some(folder.path().to_owned()),
                token: None,
                offline: false,
            },
            id: ModelId::parse("org/tiny").unwrap(),
            _folder: folder,
        }
    }

    fn fetch(&self) -> Result<Snapshot, HubError> {
        fetch(
            &self.settings,
            &self.id,
            &mut |_| {},
            &AtomicBool::new(false),
        )
    }

    fn opens(&self) -> bool {
        cache::find(&self.settings, &self.id).is_some()
    }

    /// Files in `blobs` that are not whole.
    fn incomplete(&self) -> Vec<u64> {
        let blobs = self
            .settings
            .cache
            .as_ref()
            .unwrap()
            .join("models--org--tiny/blobs");
        let files = std::fs::read_dir(blobs).into_iter().flatten().flatten();
        let unfinished = files.filter(|f| f.path().extension().is_some_and(|e| e == "incomplete"));
        unfinished.map(|f| f.metadata().unwrap().len()).collect()
    }
}

#[test]
fn a_model_arrives_whole_and_is_not_fetched_twice() {
    let server = Server::start();
    let place = Place::at(&server);
    let mut seen: Vec<Progress> = Vec::new();
    let snapshot = fetch(
        &place.settings,
        &place.id,
        &mut |p| seen.push(p.clone()),
        &AtomicBool::new(false),
    )
    .unwrap();
    assert_eq!(snapshot.commit, server::COMMIT);
    for (name, content) in server::files() {
        let there = std::fs::read(snapshot.folder.join(name)).unwrap();
        assert!(there == content, "{name}");
    }
    assert!(!snapshot.folder.join("README.md").exists());
    let total: usize = server::files().iter().map(|(_, c)| c.len()).sum();
    let last = seen.last().unwrap();
    assert_eq!((last.done, last.total), (total as u64, total as u64));
    assert!(seen.windows(2).all(|w| w[0].done <= w[1].done));
    assert!(place.opens());

    let contents = server.contents();
    assert_eq!(place.fetch().unwrap(), snapshot);
    assert_eq!(server.contents(), contents, "nothing was new");

    let offline = Settings {
        offline: true,
        endpoint: "http://127.0.0.1:1".into(),
        ..place.settings.clone()
    };
    let again = fetch(&offline, &place.id, &mut |_| {}, &AtomicBool::new(false));
    assert_eq!(again.unwrap(), snapshot);
}

#[test]
fn a_cut_connection_goes_on_where_it_was() {
    let server = Server::start();
    server.fault(Fault::CutAfter(100_000));
    let place = Place::at(&server);
    place.fetch().unwrap();
    assert!(server.ranges().contains(&100_000), "{:?}", server.ranges());
    assert!(place.opens());
}

#[test]
fn a_connection_that_always_breaks_is_told_and_goes_on_next_time() {
    let server = Server::start();
    server.fault(Fault::AlwaysCutAt(150_000));
    let place = Place::at(&server);
    let error = place.fetch().unwrap_err();
    assert!(
        matches!(error, HubError::Cut { done: 150_000, .. }),
        "{error}"
    );
    assert!(!place.opens());
    assert_eq!(place.incomplete(), [150_000]);
    server.fault(Fault::None);
    let before = server.ranges().len();
    place.fetch().unwrap();
    assert_eq!(server.ranges()[before..], [150_000]);
    assert!(place.opens());
}

#[test]
fn a_server_without_ranges_sends_all_again() {
    let server = Server::start();
    server.fault(Fault::CutAfter(100_000));
    server.no_ranges();
    let place = Place::at(&server);
    place.fetch().unwrap();
    assert!(place.opens());
}

#[test]
fn a_wrong_hash_is_thrown_away() {
    let server = Server::start();
    server.fault(Fault::Flip);
    let place = Place::at(&server);
    let error = place.fetch().unwrap_err();
    assert!(matches!(error, HubError::Damaged { .. }), "{error}");
    assert!(!place.opens() && place.incomplete().is_empty());
    server.fault(Fault::None);
    place.fetch().unwrap();
    assert!(place.opens());
}

#[test]
fn refusals_say_what_to_do_and_leave_nothing() {
    for (status, words) in [(401, "HF_TOKEN"), (403, "HF_TOKEN"), (404, "spelling")] {
        let server = Server::start();
        server.fault(Fault::Status(status, usize::MAX));
        let place = Place::at(&server);
        let error = place.fetch().unwrap_err().to_string();
        assert!(error.contains(words), "{status}: {error}");
        assert!(!place.opens());
    }
}

#[test]
fn passing_troubles_are_waited_for() {
    for status in [429, 500, 503] {
        let server = Server::start();
        server.fault(Fault::Status(status, 2));
        let place = Place::at(&server);
        place.fetch().unwrap();
        assert!(place.opens(), "{status}");
    }
}

#[test]
fn lasting_troubles_are_told() {
    let server = Server::start();
    server.fault(Fault::Status(503, usize::MAX));
    let error = Place::at(&server).fetch().unwrap_err().to_string();
    assert!(error.contains("503"), "{error}");
    let nobody = Server::start();
    let mut place = Place::at(&nobody);
    place.settings.endpoint = "http://127.0.0.1:1".into();
    let error = place.fetch().unwrap_err();
    assert!(matches!(error, HubError::Unreachable { .. }), "{error}");
    place.settings.offline = true;
    assert!(matches!(
        place.fetch().unwrap_err(),
        HubError::Offline { .. }
    ));
}

#[test]
fn the_token_goes_to_the_hub_alone_and_is_never_shown() {
    let server = Server::start();
    let mut place = Place::at(&server);
    place.settings.token = Token::new("hf_very_secret");
    place.fetch().unwrap();
    assert!(server.heard_at_hub("hf_very_secret"));
    assert!(!server.heard_elsewhere("hf_very_secret"));
    server.fault(Fault::Status(401, usize::MAX));
    let error = place.fetch().unwrap_err();
    assert!(!format!("{error} {error:?} {:?}", place.settings).contains("secret"));
}

#[test]
fn a_fetch_stops_when_it_is_told_to() {
    let server = Server::start();
    server.fault(Fault::Stall(50_000));
    let place = Place::at(&server);
    let asked = Instant::now();
    let (stalled, cancel) = (AtomicBool::new(false), AtomicBool::new(false));
    let total_before_weights = 3_000;
    let error = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stalled.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(10));
            }
            std::thread::sleep(Duration::from_millis(200));
            cancel.store(true, Ordering::Relaxed);
        });
        let mut report = |p: &Progress| {
            stalled.fetch_or(p.done >= total_before_weights + 50_000, Ordering::Relaxed);
        };
        fetch(&place.settings, &place.id, &mut report, &cancel).unwrap_err()
    });
    assert!(matches!(error, HubError::Cancelled), "{error}");
    assert!(asked.elapsed() < Duration::from_secs(20));
    assert!(!place.opens());
    assert_eq!(place.incomplete(), [50_000]);
}

#[test]
fn a_model_without_safetensors_is_refused_by_name() {
    let server = Server::start();
    server.only_pickles();
    let error = Place::at(&server).fetch().unwrap_err().to_string();
    assert!(error.contains("pytorch_model.bin"), "{error}");
}

#[test]
fn a_disk_without_room_keeps_what_was_there() {
    // No disk can be filled here; a folder that takes no files is the same to a writer.
    let server = Server::start();
    let mut place = Place::at(&server);
    let file = place.settings.cache.as_ref().unwrap().join("file");
    std::fs::write(&file, "precious").unwrap();
    place.settings.cache = Some(file.clone());
    let error = place.fetch().unwrap_err();
    assert!(matches!(error, HubError::Write { .. }), "{error}");
    assert_eq!(std::fs::read_to_string(file).unwrap(), "precious");
}
