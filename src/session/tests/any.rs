//! Any session comes back; any damage is an error and never a panic.

use super::super::load::from_bytes;
use super::super::save::rounded;
use super::super::text::LAST_LINE;
use super::*;
use crate::edit::{LayerChoice, MomentSource};
use proptest::prelude::*;

fn any_number() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f32>().prop_map(f64::from),
        -1.0..1.0f64,
        Just(0.0),
        Just(-0.0)
    ]
    .prop_filter("finite", |x| x.is_finite())
    .prop_map(rounded)
}

prop_compose! {
    fn any_row()(
        prompt in any::<String>(), expected in ".*", p_before in any_number(),
        p_after in any_number(), top_before in "\\PC*", moved in any::<bool>(),
    ) -> ProbeRow {
        ProbeRow { prompt, expected, p_before, p_after, top_before, moved, ..Default::default() }
    }
}

prop_compose! {
    fn any_edit(id: u64)(
        prefix in any::<String>(), subject in "\\PC+", target in "(?s).+",
        alpha in -1.0..2.0f64, on in any::<bool>(), method in 0..Method::ALL.len(),
        layer in 0..LAYERS, lr in 0.0..10.0f64, seed in any::<u32>(),
        templates in prop::collection::vec(any::<String>(), 0..5),
        losses in prop::collection::vec([any_number(), any_number(), any_number(), any_number()], 0..30),
        probes in prop::collection::vec(any_row(), 0..8),
        words in prop::collection::vec(any::<String>(), 0..40),
        diverges_at in any::<Option<u16>>(),
    ) -> SavedEdit {
        let mut made = edit(id);
        (made.alpha, made.on) = (alpha, on);
        let hyper = Hyper { lr, ..Hyper::default() };
        let templates: Vec<String> = templates.iter().map(|t| format!("{t}{{}}")).collect();
        made.result.templates = templates.clone();
        made.result.hyper = hyper.clone();
        made.asked = EditSpec {
            request: Request { prompt: format!("{prefix}{{}} is"), subject, target },
            more: Vec::new(),
            origin: String::new(),
            method: Method::ALL[method],
            layer: if on { LayerChoice::At(layer) } else { LayerChoice::Span(0, layer) },
            hyper: Some(hyper),
            templates: Some(templates),
            true_answer: None,
            moments: MomentSource::Auto,
            seed,
        };
        (made.result.losses, made.result.probes) = (losses, probes);
        made.result.generations = vec![Generation {
            before_tokens: words.clone(),
            before: words.concat(),
            diverges_at: diverges_at.map(usize::from),
            ..Default::default()
        }];
        made
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_session_comes_back(
        first in any_edit(1), second in any_edit(77), notes in any::<String>(),
        rows in prop::collection::vec(any_row(), 0..4),
        values in prop::collection::vec(any::<f32>().prop_filter("finite", |x| x.is_finite()), D),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("any.toml");
        let (mut session, _) = sitting();
        session.notes = notes;
        session.edits = vec![first, second];
        session.probes = rows;
        let exact = Delta { r: values, ..delta(0, 1, 0.1) };
        let factors = Factors::from([(77, vec![exact])]);
        save(&session, &factors, &path).unwrap();
        let (mut back, back_factors) = load(&path, &model()).unwrap();
        prop_assert_eq!(back_factors, factors);
        prop_assert_eq!(back.factors.take(), Some("any.safetensors".to_string()));
        back.edits[1].factors.clear();
        prop_assert_eq!(back, session);
    }

    #[test]
    fn no_bytes_can_make_the_loader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = from_bytes(&bytes);
        let mut text = b"format = 1\n".to_vec();
        text.extend(&bytes);
        text.extend(format!("\n{LAST_LINE}\n").bytes());
        let _ = from_bytes(&text);
    }

    #[test]
    fn no_damage_can_make_the_loader_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        in_factors in any::<bool>(),
    ) {
        let (_folder, path, ..) = saved();
        let file = if in_factors { path.with_extension("safetensors") } else { path.clone() };
        let mut bytes = fs::read(&file).unwrap();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        fs::write(&file, bytes).unwrap();
        let _ = load(&path, &model());
        let _ = list(path.parent().unwrap());
    }
}
