//! Cases of CounterFact: each by itself, whatever is judged beside it.

use super::Bench;
use pentimento::edit::{EditSpec, Hyper};
use pentimento::engine::{EventKind, Outcome, Spec};
use pentimento::measure::counterfact::{Judged, Record};
use std::collections::BTreeMap;
use std::time::Duration;

fn records(of: &[usize]) -> Vec<Record> {
    let all = include_bytes!("../../assets/counterfact/counterfact_400.json");
    let all: Vec<Record> = serde_json::from_slice(all).unwrap();
    of.iter().map(|&n| all[n].clone()).collect()
}

/// What is said of each case, by its id; the time it took is left out.
fn judged(
    bench: &Bench,
    records: Vec<Record>,
    edit: bool,
) -> BTreeMap<u64, Result<Judged, String>> {
    let edit = edit.then(|| {
        Box::new(EditSpec {
            hyper: Some(Hyper {
                steps: 6,
                ..Hyper::default()
            }),
            ..EditSpec::default()
        })
    });
    let job = bench.engine.submit(Spec::JudgeEach {
        records,
        edit,
        texts: 24,
    });
    let mut all = BTreeMap::new();
    loop {
        let event = bench.events.recv_timeout(Duration::from_secs(120)).unwrap();
        match event.kind {
            _ if event.job != job.id => {}
            EventKind::Judged { case_id, result } => {
                let result = result.map(|judged| Judged {
                    seconds: 0.0,
                    ..*judged
                });
                assert!(all.insert(case_id, result).is_none(), "told twice");
            }
            EventKind::Finished(result) => {
                assert_eq!(result, Ok(Outcome::JudgedEach));
                return all;
            }
            _ => {}
        }
    }
}

#[test]
fn a_case_is_the_same_to_the_bit_whatever_is_judged_beside_it() {
    let bench = Bench::open();
    for edit in [false, true] {
        let together = judged(&bench, records(&[0, 1, 2, 3]), edit);
        assert_eq!(together.len(), 4);
        for n in [1, 3] {
            let alone = judged(&bench, records(&[n]), edit);
            let (id, result) = alone.iter().next().unwrap();
            assert!(result.is_ok(), "{result:?}");
            assert_eq!(together[id], *result);
        }
    }
}

#[test]
fn a_case_that_cannot_be_rewritten_leaves_the_others() {
    let bench = Bench::open();
    let mut records = records(&[0, 1, 2]);
    let wrong = records[1].case_id;
    records[1].requested_rewrite.target_new.text = " ".into();
    let all = judged(&bench, records, true);
    let failed: Vec<u64> = all
        .iter()
        .filter(|(_, r)| r.is_err())
        .map(|(id, _)| *id)
        .collect();
    assert_eq!((all.len(), failed), (3, vec![wrong]));
    // And the weights are as they were.
    let before = Bench::open().predict("The Space Needle is located in");
    assert_eq!(bench.predict("The Space Needle is located in"), before);
}
