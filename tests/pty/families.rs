//! A model of every family, from opening it to a session opened again.

use super::common::families;
use super::terminal::Terminal;

#[test]
fn each_family_is_traced_edited_saved_and_opened_again() {
    let models = families();
    assert_eq!(models.len(), 13, "{models:?}");
    for model in models {
        let name = model.file_name().expect("a folder").to_string_lossy();
        let path = model.to_string_lossy();
        let home = tempfile::tempdir().expect("a folder for the test");
        let mut terminal = Terminal::open_with(40, 120, home.path(), &["--model", &path]);
        // A model of random weights knows nothing, but for what it says by chance.
        terminal.wait_until(&format!("{name}, ready"), |text| {
            let asked = ["none of the built-in facts", "example 1 of"];
            asked.iter().any(|words| text.contains(words)) && text.contains(name.as_ref())
        });
        terminal.press("i\x15{The Space Needle} is in the city of\ra\x15Paris\r");
        terminal.wait_until(&format!("{name}: the fact"), |text| {
            text.contains("Paris  in place of") && text.contains("ready")
        });
        terminal.press("t");
        terminal.wait_until(&format!("{name}: a finished trace"), |text| {
            text.contains("◆ layer") && text.contains("ready")
        });
        terminal.press("e");
        // The stories part somewhere, or nowhere; there are no neighbours.
        let edited = |text: &str| {
            let told = ["parts at token", "the same to the end"];
            text.contains("base + 1 edit")
                && text.contains("ready")
                && told.iter().any(|words| text.contains(words))
        };
        terminal.wait_until(&format!("{name}: the edit and its stories"), edited);
        terminal.press("\x13");
        terminal.wait_for("Save this session as");
        terminal.press("\x15moved\r");
        terminal.wait_until("the saved session", |text| {
            text.contains("moved") && !text.contains("not saved") && !text.contains("Save this")
        });
        terminal.quits();
        terminal.is_restored();

        let mut again =
            Terminal::open_with(40, 120, home.path(), &["--model", &path, "moved.toml"]);
        again.wait_until(&format!("{name}: the session, opened again"), edited);
        again.quits();
    }
}
