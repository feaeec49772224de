//! The rules that keep the house honest (see `src/lib.rs`): a floor uses only
//! the floors below it, so that the lowest name none; no modules import each
//! other in a circle; `tui` never names candle; a long file says why.
//!
//! Long because it is a small reader of Rust sources and its own tests: what
//! is checked are the paths in the code, not lines that look like them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// From the ground up; those in one row stand beside each other and do not
/// see each other.
const FLOORS: [&[&str]; 12] = [
    &["hub", "picture"],
    &["model"],
    &["facts"],
    &["train"],
    &["trace"],
    &["edit"],
    &["measure"],
    &["session"],
    &["engine"],
    &["tui"],
    &["config"],
    &["cli"],
];

/// Lines a file may have without a word on why.
const LONG: usize = 500;
/// That word, in the file's first comment.
const EXCUSE: &str = "Long because";

#[test]
fn the_house_stands() {
    let house = House::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert!(
        house.modules.len() > FLOORS.len(),
        "the sources were not found"
    );
    let complaints = house.complaints();
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

/// A path as the module tree knows it: `["edit", "rome"]`.
type Segments = Vec<String>;

#[derive(Default)]
struct House {
    modules: BTreeMap<Segments, Module>,
}

#[derive(Default)]
struct Module {
    file: PathBuf,
    text: String,
    /// Every path that leaves the module, from the crate's root.
    paths: BTreeSet<Segments>,
    /// Names that the module passes on: (name, or `*`; where it comes from).
    passed_on: Vec<(String, Segments)>,
    /// Names the module itself defines.
    defined: BTreeSet<String>,
    identifiers: BTreeSet<String>,
}

impl House {
    fn read(root: &Path) -> House {
        let mut sources = Vec::new();
        collect(root, root, &mut sources);
        House::of(sources)
    }

    fn of(sources: Vec<(PathBuf, String)>) -> House {
        let modules = sources
            .into_iter()
            .map(|(file, text)| {
                let place = place(&file);
                (place.clone(), Module::parse(file, text, &place))
            })
            .collect();
        House { modules }
    }

    fn complaints(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        for (place, module) in &self.modules {
            let file = module.file.display();
            complaints.extend(self.upward(place, module));
            if place.first().is_some_and(|floor| floor == "tui")
                && let Some(name) = module.identifiers.iter().find(|i| i.starts_with("candle"))
            {
                complaints.push(format!(
                    "{file} names {name}: the terminal knows no tensors"
                ));
            }
            let lines = module.text.lines().count();
            if lines > LONG && !first_comment(&module.text).contains(EXCUSE) {
                complaints.push(format!(
                    "{file} has {lines} lines; split it, or let its first comment say \
                     \"{EXCUSE} …\""
                ));
            }
        }
        complaints.extend(self.circles());
        complaints
    }

    /// Paths to a floor that is not below the module's own.
    fn upward(&self, place: &Segments, module: &Module) -> Vec<String> {
        let floor = |name: &String| FLOORS.iter().position(|row| row.contains(&name.as_str()));
        let Some(from) = place.first() else {
            return Vec::new();
        };
        // The crate's root and the binary tie everything together.
        if ["lib", "main"].contains(&from.as_str()) {
            return Vec::new();
        }
        let file = module.file.display();
        let Some(own) = floor(from) else {
            return vec![format!(
                "{file}: `{from}` is on no floor; give it one in tests/house.rs"
            )];
        };
        let above = |to: &&Segments| {
            to.first()
                .is_some_and(|name| name != from && floor(name).is_some_and(|f| f >= own))
        };
        module
            .paths
            .iter()
            .filter(above)
            .map(|to| format!("{file} names {}: an arrow that runs up", to.join("::")))
            .collect()
    }

    /// The module in which a path ends, through whatever passes it on.
    fn home(&self, path: &[String]) -> Option<Segments> {
        let mut at: Segments = Vec::new();
        for (i, name) in path.iter().enumerate() {
            at.push(name.clone());
            if self.modules.contains_key(&at) {
                continue;
            }
            at.pop();
            let module = self.modules.get(&at)?;
            if module.defined.contains(name) {
                return Some(at);
            }
            let named = module.passed_on.iter().find(|(as_name, _)| as_name == name);
            if let Some((_, target)) = named {
                let rest = [target.as_slice(), &path[i + 1..]].concat();
                return self.home(&rest);
            }
            let globs = module
                .passed_on
                .iter()
                .filter(|(as_name, _)| as_name == "*");
            let within = globs.map(|(_, target)| target.clone()).find(|target| {
                self.modules
                    .get(target)
                    .is_some_and(|module| module.defined.contains(name))
            });
            return Some(within.unwrap_or(at));
        }
        Some(at)
    }

    /// Circles of modules that use each other. A module may lean on the one it
    /// is a part of, as the language has it; its neighbours come in no circle.
    fn circles(&self) -> Vec<String> {
        let uses = self
            .modules
            .iter()
            .map(|(place, module)| {
                let homes = module.paths.iter().filter_map(|path| self.home(path));
                (place, homes.filter(|h| !place.starts_with(h)).collect())
            })
            .collect();
        let mut search = Search {
            uses,
            trail: Vec::new(),
            done: BTreeSet::new(),
            found: vec![],
        };
        self.modules.keys().for_each(|start| search.walk(start));
        search.found
    }
}

/// Depth first; a module met again on the same trail closes a circle.
struct Search<'a> {
    uses: BTreeMap<&'a Segments, BTreeSet<Segments>>,
    trail: Vec<Segments>,
    done: BTreeSet<Segments>,
    found: Vec<String>,
}

impl Search<'_> {
    fn walk(&mut self, at: &Segments) {
        if let Some(start) = self.trail.iter().position(|place| place == at) {
            let circle = self.trail[start..].iter().chain([at]);
            let names: Vec<String> = circle.map(|place| place.join("::")).collect();
            self.found
                .push(format!("an import circle: {}", names.join(" → ")));
        } else if !self.done.contains(at) {
            self.trail.push(at.clone());
            for next in self.uses.get(at).cloned().unwrap_or_default() {
                self.walk(&next);
            }
            self.trail.pop();
            self.done.insert(at.clone());
        }
    }
}

fn collect(root: &Path, folder: &Path, sources: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(folder).expect("the sources can be read") {
        let path = entry.expect("the sources can be read").path();
        if path.is_dir() {
            collect(root, &path, sources);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = fs::read_to_string(&path).expect("a source is text");
            let file = path.strip_prefix(root).expect("below the root").to_owned();
            sources.push((file, text));
        }
    }
}

/// `edit/mod.rs` is `edit`, `edit/rome.rs` is `edit::rome`.
fn place(file: &Path) -> Segments {
    let mut parts: Segments = file
        .with_extension("")
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    if parts.last().is_some_and(|last| last == "mod") {
        parts.pop();
    }
    parts
}

/// The comment that a file opens with.
fn first_comment(text: &str) -> String {
    text.lines()
        .take_while(|line| line.starts_with("//"))
        .collect()
}

impl Module {
    fn parse(file: PathBuf, text: String, place: &Segments) -> Module {
        let tokens = tokens(&text);
        let mut module = Module {
            file,
            text,
            ..Module::default()
        };
        // Modules within the file: their names, and the depth they close at.
        let mut inner: Vec<(String, usize)> = Vec::new();
        let mut depth = 0;
        let mut i = 0;
        while i < tokens.len() {
            let here = || -> Segments {
                place
                    .iter()
                    .cloned()
                    .chain(inner.iter().map(|(name, _)| name.clone()))
                    .collect()
            };
            let token = tokens[i].as_str();
            let next = tokens.get(i + 1).map_or("", String::as_str);
            match token {
                "mod" if tokens.get(i + 2).is_some_and(|t| t == "{") => {
                    inner.push((next.to_string(), depth));
                    i += 1;
                }
                "use" => {
                    let public = i > 0 && (tokens[i - 1] == "pub" || tokens[i - 1] == ")");
                    let mut leaves = Vec::new();
                    i = use_tree(&tokens, i + 1, &mut Vec::new(), &mut leaves);
                    for (path, name) in leaves {
                        module.add_use(&path, &name, &here(), public && inner.is_empty());
                    }
                    continue;
                }
                "crate" | "super" | "pentimento" if next == "::" => {
                    let mut path = vec![token.to_string()];
                    while tokens.get(i + 1).is_some_and(|t| t == "::")
                        && tokens.get(i + 2).is_some_and(|t| is_name(t))
                    {
                        path.push(tokens[i + 2].clone());
                        i += 2;
                    }
                    module.paths.extend(rooted(&path, &here()));
                }
                name if is_name(name) && next == "::" && (i == 0 || tokens[i - 1] != "::") => {
                    // Another crate, a type, or a module of this one: told by `home`.
                    let item = tokens.get(i + 2).filter(|t| is_name(t));
                    let path = [Some(&tokens[i]), item].into_iter().flatten().cloned();
                    module
                        .paths
                        .insert(here().into_iter().chain(path).collect());
                }
                "struct" | "enum" | "fn" | "trait" | "type" | "const" | "static" | "union"
                    if depth == 0 =>
                {
                    module.defined.insert(next.to_string());
                }
                "macro_rules" => {
                    module.defined.extend(tokens.get(i + 2).cloned());
                }
                "{" => depth += 1,
                "}" => {
                    depth = depth.saturating_sub(1);
                    inner.retain(|(_, at)| *at < depth || (*at == depth && token != "}"));
                }
                _ => {}
            }
            if is_name(token) {
                module.identifiers.insert(token.to_string());
            }
            i += 1;
        }
        module
    }

    fn add_use(&mut self, path: &[String], name: &str, here: &Segments, public: bool) {
        self.identifiers.extend(path.iter().cloned());
        let target = match rooted(path, here) {
            Some(target) => target,
            None => here.iter().chain(path).cloned().collect(),
        };
        if public && target.starts_with(here) {
            // A module that shows its children's names does not use them.
            self.passed_on.push((name.to_string(), target));
        } else {
            self.paths.insert(target);
        }
    }
}

/// A path from the crate's root, if it is one within the crate.
fn rooted(path: &[String], here: &Segments) -> Option<Segments> {
    let mut base = here.clone();
    let mut rest = path;
    match path.first()?.as_str() {
        "crate" | "pentimento" => {
            base.clear();
            rest = &path[1..];
        }
        "self" => rest = &path[1..],
        "super" => {
            while rest.first().is_some_and(|first| first == "super") {
                base.pop();
                rest = &rest[1..];
            }
        }
        _ => return None,
    }
    base.extend(rest.iter().filter(|name| *name != "self").cloned());
    Some(base)
}

/// Reads the tree after `use` up to its `;`. Gives every leaf with the name it
/// is known by, and where to read on.
fn use_tree(
    tokens: &[String],
    mut i: usize,
    prefix: &mut Segments,
    leaves: &mut Vec<(Segments, String)>,
) -> usize {
    let depth = prefix.len();
    let mut name = String::new();
    while let Some(token) = tokens.get(i) {
        match token.as_str() {
            "::" => {}
            "{" => {
                i = use_tree(tokens, i + 1, prefix, leaves);
                name.clear();
                continue;
            }
            "as" => {
                name = tokens.get(i + 1).cloned().unwrap_or_default();
                i += 1;
            }
            "*" => name = "*".into(),
            "," | "}" | ";" => {
                if !name.is_empty() {
                    leaves.push((prefix.clone(), std::mem::take(&mut name)));
                }
                prefix.truncate(depth);
                if token != "," {
                    return i + 1;
                }
            }
            segment => {
                prefix.push(segment.to_string());
                name = segment.to_string();
            }
        }
        i += 1;
    }
    i
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Names and marks of a source, without comments, strings and characters.
fn tokens(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let mut tokens = Vec::new();
    let mut i = 0;
    while i < chars.len() {
        let c = chars[i];
        if c == '/' && at(i + 1) == '/' {
            while i < chars.len() && chars[i] != '\n' {
                i += 1;
            }
        } else if c == '/' && at(i + 1) == '*' {
            let mut open = 0;
            loop {
                match (at(i), at(i + 1)) {
                    ('/', '*') => (open, i) = (open + 1, i + 2),
                    ('*', '/') => (open, i) = (open - 1, i + 2),
                    _ => i += 1,
                }
                if open == 0 || i >= chars.len() {
                    break;
                }
            }
        } else if c == '"' {
            i = after_string(&chars, i + 1);
        } else if c == '\'' {
            // A character, or else a lifetime's tick.
            i += match (at(i + 1), at(i + 2)) {
                ('\\', _) => 3 + chars[i + 3..].iter().take_while(|c| **c != '\'').count() + 1,
                (_, '\'') => 3,
                _ => 1,
            };
        } else if c.is_alphanumeric() || c == '_' {
            let start = i;
            while at(i).is_alphanumeric() || at(i) == '_' {
                i += 1;
            }
            let word: String = chars[start..i].iter().collect();
            let hashes = chars[i..].iter().take_while(|c| **c == '#').count();
            match (word.as_str(), at(i + hashes)) {
                ("r" | "br" | "cr", '"') => i = after_raw_string(&chars, i + hashes + 1, hashes),
                ("b" | "c", '"') if hashes == 0 => i = after_string(&chars, i + 1),
                _ => tokens.push(word),
            }
        } else if c == ':' && at(i + 1) == ':' {
            tokens.push("::".into());
            i += 2;
        } else {
            if !c.is_whitespace() {
                tokens.push(c.into());
            }
            i += 1;
        }
    }
    tokens
}

fn after_string(chars: &[char], mut i: usize) -> usize {
    while i < chars.len() && chars[i] != '"' {
        i += if chars[i] == '\\' { 2 } else { 1 };
    }
    i + 1
}

fn after_raw_string(chars: &[char], mut i: usize, hashes: usize) -> usize {
    let end: Vec<char> = std::iter::once('"')
        .chain(std::iter::repeat_n('#', hashes))
        .collect();
    while i < chars.len() && !chars[i..].starts_with(&end) {
        i += 1;
    }
    i + end.len()
}

/// What the house has to say about these sources.
fn judged(sources: &[(&str, &str)]) -> Vec<String> {
    let sources = sources
        .iter()
        .map(|(file, text)| (PathBuf::from(file), text.to_string()));
    House::of(sources.collect()).complaints()
}

#[test]
fn an_arrow_that_runs_up_is_found_however_it_is_written() {
    for text in [
        "use crate::edit::Delta;",
        "use crate::{facts, edit::{Delta as D}};",
        "use super::super::edit;",
        "fn f(_: &crate::edit::Delta) {}",
        "fn f() { super::super::edit::rome() }",
        "pub use crate::edit::*;",
        "mod tests { use super::super::super::edit; }",
        "use pentimento::edit;",
    ] {
        let complaints = judged(&[("trace/grid.rs", text), ("edit/mod.rs", "")]);
        assert_eq!(complaints.len(), 1, "{text}: {complaints:?}");
        assert!(
            complaints[0].contains("trace/grid.rs names edit"),
            "{complaints:?}"
        );
    }
    for text in [
        "use crate::model::Decoder; use super::noise; use std::edit;",
        "// use crate::edit;\n/* crate::edit /* */ crate::edit */",
        "const A: &str = \"crate::edit\"; const B: &str = r#\"\"crate::edit\"#; const C: char = '\"';",
        "mod edit { pub fn f() {} } use self::edit::f;",
        "mod tests { use super::super::noise; }",
    ] {
        assert_eq!(judged(&[("trace/grid.rs", text)]), [""; 0], "{text}");
    }
}

#[test]
fn neighbours_do_not_see_each_other_and_everybody_has_a_floor() {
    assert_eq!(judged(&[("tui/view/fact.rs", "use crate::cli;")]).len(), 1);
    assert_eq!(judged(&[("attic.rs", "")]).len(), 1);
    assert_eq!(
        judged(&[("main.rs", "use pentimento::{cli, tui};")]),
        [""; 0]
    );
}

#[test]
fn circles_are_found_through_names_that_are_passed_on() {
    let circle = judged(&[
        (
            "edit/mod.rs",
            "pub mod a; pub mod b; pub use a::One; pub use b::*;",
        ),
        ("edit/a.rs", "use super::Two; pub struct One;"),
        ("edit/b.rs", "use crate::edit::One; pub struct Two;"),
    ]);
    assert_eq!(circle, ["an import circle: edit::a → edit::b → edit::a"]);

    let none = judged(&[
        (
            "edit/mod.rs",
            "pub mod a; pub mod b; pub use a::One; pub use b::*; pub struct Own;",
        ),
        (
            "edit/a.rs",
            "pub struct One; fn f() { let x = super::b::Two; }",
        ),
        (
            "edit/b.rs",
            "use super::Own; pub struct Two; mod tests { use super::*; }",
        ),
    ]);
    assert_eq!(none, [""; 0]);

    let parent = judged(&[
        (
            "edit/mod.rs",
            "pub mod a; fn f() { a::g() } use self::a::g; pub struct Own;",
        ),
        ("edit/a.rs", "use super::Own; pub fn g() {}"),
    ]);
    assert_eq!(parent, [""; 0]);

    let through_a_child = judged(&[
        ("edit/mod.rs", "mod a; mod b;"),
        ("edit/a.rs", "mod deep; fn f() { deep::g() }"),
        ("edit/a/deep.rs", "use crate::edit::b::h;"),
        ("edit/b.rs", "fn h() { super::a::f() }"),
    ]);
    assert_eq!(
        through_a_child,
        ["an import circle: edit::a → edit::a::deep → edit::b → edit::a"]
    );
}

#[test]
fn the_terminal_knows_no_tensors() {
    for text in [
        "use candle_core::Tensor;",
        "fn f(_: candle_core::Tensor) {}",
    ] {
        assert_eq!(judged(&[("tui/app.rs", text)]).len(), 1, "{text}");
        assert_eq!(judged(&[("trace/grid.rs", text)]), [""; 0]);
    }
    assert_eq!(judged(&[("tui/app.rs", "// no candle here\n")]), [""; 0]);
}

#[test]
fn a_long_file_gives_its_reason_first() {
    let body = "fn f() {}\n".repeat(LONG);
    let with = |comment: &str| judged(&[("edit/rome.rs", &format!("{comment}\n{body}"))]);
    assert_eq!(judged(&[("edit/rome.rs", &body)]), [""; 0]);
    assert_eq!(with("//! Rank-one edits.").len(), 1);
    assert_eq!(
        with("//! Rank-one edits.\n//! Long because of the formulas."),
        [""; 0]
    );
    assert_eq!(
        with("use std::fs;\n// Long because it comes too late.").len(),
        1
    );
}
