//! What was found, and how it reads.

use crate::view::filter;

/// How a finding is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// Good to know, neither good nor bad.
    Note,
    /// As it should be.
    Ok,
    /// It may be in the way; this machine cannot tell.
    Unsure,
    /// It is in the way.
    Problem,
}

impl Mark {
    fn shown(self) -> &'static str {
        match self {
            Self::Note => "  ",
            Self::Ok => "ok",
            Self::Unsure => " ?",
            Self::Problem => " !",
        }
    }

    fn colour(self) -> &'static str {
        match self {
            Self::Note => "",
            Self::Ok => "\x1b[32m",
            Self::Unsure => "\x1b[33m",
            Self::Problem => "\x1b[1;31m",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    mark: Mark,
    text: String,
    /// What to do about it, if anything.
    next: Option<String>,
}

impl Finding {
    /// A finding that asks for nothing.
    pub fn new(mark: Mark, text: impl Into<String>) -> Self {
        Self { mark, text: text.into(), next: None }
    }

    /// The same, with what to do about it.
    pub fn next(self, next: impl Into<String>) -> Self {
        Self { next: Some(next.into()), ..self }
    }

    /// The same, no worse than `mark`, and asking for nothing.
    pub fn at_most(self, mark: Mark) -> Self {
        Self { mark: self.mark.min(mark), next: None, ..self }
    }
}

/// All that was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    findings: Vec<Finding>,
    /// What to do if nothing is in the way.
    pub fine: String,
}

impl Report {
    /// One without findings, that says this if nothing is in the way.
    pub fn new(fine: impl Into<String>) -> Self {
        Self { findings: Vec::new(), fine: fine.into() }
    }

    /// Adds to it.
    pub fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Whether something is in the way.
    pub fn has_problem(&self) -> bool {
        self.findings.iter().any(|finding| finding.mark == Mark::Problem)
    }

    /// The report in rows, which are fit to be shown: what others said in it is clean, and every escape in it is ours.
    pub fn rows(&self, colour: bool) -> Vec<String> {
        let mut rows: Vec<String> = self.findings.iter().map(|finding| row(finding, colour)).collect();
        rows.push(format!("=> {}", clean(self.conclusion())));
        rows
    }

    /// What to do next: about the first of the worst findings that asks for something.
    fn conclusion(&self) -> &str {
        let asking = |mark| {
            let mut of_mark = self.findings.iter().filter(move |finding| finding.mark == mark);
            of_mark.find_map(|finding| finding.next.as_deref())
        };
        asking(Mark::Problem).or_else(|| asking(Mark::Unsure)).unwrap_or(&self.fine)
    }
}

fn row(finding: &Finding, colour: bool) -> String {
    let (mark, text) = (finding.mark.shown(), clean(&finding.text));
    let on = finding.mark.colour();
    if colour && !on.is_empty() { format!("{on}{mark}\x1b[0m  {text}") } else { format!("{mark}  {text}") }
}

fn clean(text: &str) -> String {
    filter::isolate(&filter::clean(text)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(findings: Vec<Finding>) -> Report {
        Report { findings, fine: "go on".to_owned() }
    }

    #[test]
    fn the_conclusion_is_about_the_first_of_the_worst() {
        let unsure = || Finding::new(Mark::Unsure, "a").next("look at a");
        let problem = |what: &str| Finding::new(Mark::Problem, what).next(format!("mend {what}"));
        assert_eq!(report(vec![Finding::new(Mark::Ok, "x")]).conclusion(), "go on");
        assert_eq!(report(vec![Finding::new(Mark::Unsure, "x"), unsure()]).conclusion(), "look at a");
        assert_eq!(report(vec![unsure(), problem("b"), problem("c")]).conclusion(), "mend b");
        assert!(report(vec![problem("b")]).has_problem() && !report(vec![unsure()]).has_problem());
    }

    #[test]
    fn nothing_in_it_steers_a_terminal_but_our_own_colours() {
        let hostile = report(vec![Finding::new(Mark::Problem, "it says \x1b[2J\u{202e}").next("\x1b]0;x\x07")]);
        let plain = hostile.rows(false);
        assert_eq!(plain[0], " !  it says <U+001B>[2J<U+202E>");
        assert!(!plain.concat().contains(|c: char| c.is_control()), "{plain:?}");
        let coloured = hostile.rows(true);
        assert_eq!(coloured[0], "\x1b[1;31m !\x1b[0m  it says <U+001B>[2J<U+202E>");
        assert!(!coloured[1].contains('\x1b'), "{coloured:?}");
    }
}
