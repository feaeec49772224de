//! Tables for documents.

/// A table as Markdown has it.
pub fn markdown(headings: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let rule = "---|".repeat(headings.len());
    let mut text = format!("| {} |\n|{rule}\n", headings.join(" | "));
    for row in rows {
        text += &format!("| {} |\n", row.join(" | "));
    }
    text
}
