//! Screens to look at: `cargo test --test tui dump -- --ignored --nocapture`.

use crate::script::Bench;

#[test]
#[ignore = "prints screens for a person to read"]
fn dump() {
    let sizes = std::env::var("SIZE").unwrap_or("120x40".into());
    let (w, h) = sizes.split_once('x').unwrap();
    let (w, h) = (w.parse().unwrap(), h.parse().unwrap());
    let keys = std::env::var("KEYS").unwrap_or_default();
    let mut bench = Bench::open(w, h);
    bench.play(&keys);
    if let Ok(more) = std::env::var("THEN") {
        bench.keys(&more);
        let n = std::env::var("EVENTS").ok().and_then(|n| n.parse().ok());
        bench.run(n.unwrap_or(0));
    }
    println!("{}", bench.text());
}
