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
                ..Settings::default()
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

/// A place for one GGUF of the repository.
fn quantised(server: &Server, name: &str) -> Place {
    server.only_ggufs();
    let mut place = Place::at(server);
    place.id = ModelId::parse(name).unwrap();
    place
}

#[test]
fn one_quantisation_arrives_alone_and_opens_offline() {
    let server = Server::start();
    for (name, file) in [
        ("org/tiny:q4_k_m", "tiny-Q4_K_M.gguf"),
        // Without a tag, what llama.cpp takes.
        ("org/tiny", "tiny-Q4_K_M.gguf"),
        ("org/tiny:Q8_0", "tiny-Q8_0.gguf"),
        (
            "https://huggingface.co/org/tiny/blob/main/tiny-Q8_0.gguf",
            "tiny-Q8_0.gguf",
        ),
    ] {
        let place = quantised(&server, name);
        let contents = server.contents();
        let snapshot = place.fetch().unwrap();
        assert_eq!(snapshot.gguf, Some(snapshot.folder.join(file)), "{name}");
        assert_eq!(server.contents(), contents + 1, "{name}");
        let content = std::fs::read(snapshot.gguf.as_ref().unwrap()).unwrap();
        let sent = server::ggufs().into_iter().find(|(n, _)| *n == file);
        assert!(content == sent.unwrap().1, "{name}");
        assert_eq!(cache::find(&place.settings, &place.id), Some(snapshot));
        assert_eq!(
            std::fs::read_dir(&place.fetch().unwrap().folder)
                .unwrap()
                .count(),
            1
        );
        assert_eq!(server.contents(), contents + 1, "nothing was new");
    }
}

#[test]
fn all_shards_of_a_quantisation_arrive() {
    let server = Server::start();
    let place = quantised(&server, "org/tiny:F16");
    let mut seen: Vec<Progress> = Vec::new();
    let cancel = AtomicBool::new(false);
    let report = &mut |p: &Progress| seen.push(p.clone());
    let snapshot = fetch(&place.settings, &place.id, report, &cancel).unwrap();
    for (name, content) in &server::ggufs()[..2] {
        let there = std::fs::read(snapshot.folder.join(name)).unwrap();
        assert!(there == *content, "{name}");
    }
    assert_eq!(seen.last().unwrap().done, 200_000);
    assert!(seen.iter().all(|p| p.total == 200_000));
    assert!(place.opens());
    // One of them lost: it is not opened, and comes again.
    std::fs::remove_file(snapshot.folder.join(server::ggufs()[1].0)).unwrap();
    assert!(!place.opens());
    assert_eq!(place.fetch().unwrap(), snapshot);
    assert!(place.opens());
}

#[test]
fn a_quantisation_that_is_not_there_is_told_with_those_that_are() {
    let server = Server::start();
    let error = quantised(&server, "org/tiny:Q2_K").fetch().unwrap_err();
    let words = error.to_string();
    assert!(matches!(error, HubError::NoQuantisation { .. }), "{words}");
    for part in [
        "no GGUF Q2_K",
        "F16 (200 kB)",
        "Q4_K_M (90 kB)",
        "Q8_0 (150 kB)",
    ] {
        assert!(words.contains(part), "{words}");
    }
    assert!(!words.contains("mmproj"), "{words}");
    // A repository of safetensors has none.
    let server = Server::start();
    let mut place = Place::at(&server);
    place.id = ModelId::parse("org/tiny:Q4_K_M").unwrap();
    let words = place.fetch().unwrap_err().to_string();
    assert!(words.contains("no GGUF at all"), "{words}");
}

#[test]
fn a_gguf_is_checked_and_goes_on_like_any_file() {
    let server = Server::start();
    let place = quantised(&server, "org/tiny:Q8_0");
    server.fault(Fault::Flip);
    assert!(matches!(place.fetch(), Err(HubError::Damaged { .. })));
    assert!(!place.opens());
    server.fault(Fault::CutAfter(100_000));
    place.fetch().unwrap();
    assert_eq!(server.ranges(), [100_000]);
    assert!(place.opens());
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
