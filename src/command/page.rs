//! What `Entry` tells of itself: how it is typed, its usage, its summary and its whole page.

use super::Entry;

impl Entry {
    /// How its name is typed: with a slash if it needs one.
    pub fn typed(&self) -> String {
        self.as_typed(self.name)
    }

    fn as_typed(&self, words: &str) -> String {
        if self.bare { words.to_owned() } else { format!("/{words}") }
    }

    /// Its usage in one line, without a head: `name <ARGUMENT> [ARGUMENT]`.
    pub fn usage(&self) -> String {
        let usage = self.grammar().render_usage().to_string();
        usage.trim().trim_start_matches("Usage:").trim().to_owned()
    }

    /// The first sentence of its documentation.
    pub fn summary(&self) -> String {
        let about = self.grammar().get_about().map(ToString::to_string).unwrap_or_default();
        // clap takes the period of a one-line comment away.
        if about.ends_with(['.', '!', '?']) { about } else { format!("{about}.") }
    }

    /// Its page: what it does, usage, arguments, examples and other names.
    pub fn page(&self) -> String {
        self.page_in(super::PAGE_WIDTH)
    }

    /// Its page for a window of so many columns.
    pub fn page_in(&self, columns: usize) -> String {
        let mut grammar = self.grammar().disable_help_flag(true).term_width(columns);
        let help = if grammar.get_arguments().any(|arg| arg.get_long_help().is_some()) {
            grammar.render_long_help()
        } else {
            // clap's short form has each argument in one row; only the text above them has to be the long one.
            let about = grammar.get_long_about().or(grammar.get_about()).cloned().unwrap_or_default();
            grammar.about(about).render_help()
        };
        let mut page = help.to_string().trim_end().to_owned();
        if !self.examples.is_empty() {
            page.push_str("\n\nExamples:");
            for example in self.examples {
                page.push_str("\n  ");
                page.push_str(&self.as_typed(example));
            }
        }
        if !self.aliases.is_empty() {
            let aliases: Vec<_> = self.aliases.iter().map(|alias| self.as_typed(alias)).collect();
            page.push_str("\n\nAlso called: ");
            page.push_str(&aliases.join(", "));
        }
        page
    }
}
