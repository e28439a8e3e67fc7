//! How fast files may move.

use crate::{
    args::number,
    command::{Command, Context, Entry, Flow, Result, async_trait, bail},
    size::Rate,
    transfer::desk::Desk,
};

pub const COMMAND: Entry = Entry::of::<Limit>();

/// Limit how fast files move, all together or those of one offer.
///
/// It counts at once, for what is under way too. Without a speed it shows the limit.
#[derive(clap::Parser)]
struct Limit {
    /// The offer's number if it is for one only, then bytes a second such as 500K or 2M, or off.
    #[arg(value_name = "[N] RATE|off", num_args = 0..=2, value_parser = word)]
    words: Vec<String>,
}

/// What fits: a number or a speed. Anything else is a sentence.
fn word(word: &str) -> std::result::Result<String, String> {
    if number(word).is_some() { Ok(word.to_owned()) } else { word.parse::<Rate>().map(|_| word.to_owned()) }
}

#[async_trait]
impl Command for Limit {
    const NAME: &'static str = "limit";
    const EXAMPLES: &'static [&'static str] = &["limit 2M", "limit 3 500K", "limit off", "limit"];

    async fn run(self, cx: &mut Context) -> Result<Flow> {
        let (of, rate) = match &self.words[..] {
            [] => (None, None),
            [only] => match number(only) {
                Some(number) => (Some(number), None),
                None => (None, Some(only)),
            },
            [of, rate] => match number(of) {
                Some(number) => (Some(number), Some(rate)),
                None => bail!("first the number of an offer, then the speed"),
            },
            _ => bail!("a number and a speed are enough"),
        };
        let rate = rate.map(|rate| rate.parse::<Rate>()).transpose().map_err(anyhow::Error::msg)?;
        Desk::of(cx).limit(of, rate, cx)?;
        Ok(Flow::Continue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_that_begins_like_it_is_none() {
        let fits = |words: &[&str]| COMMAND.grammar().try_get_matches_from(words).is_ok();
        assert!(fits(&["3", "2M"]) && fits(&["off"]) && fits(&[]));
        assert!(!fits(&["your", "time"]) && !fits(&["3", "2M", "off"]));
    }
}
