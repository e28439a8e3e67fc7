use pchat::{
    command::Entry,
    commands,
    registry::{Candidate, Known, Names, Reading, Registry},
    wire::MAX_NAME_LEN,
    words::{quote, rest_after, split, split_unfinished},
};

/// Places of the cursor that are tried in one line: completion looks at all that is before it.
const PLACES: usize = 12;

/// Any line as what a person types or pastes.
pub fn words(data: &[u8]) {
    let line = String::from_utf8_lossy(data);
    split_and_quote(&line);
    read(&line);
    complete(&line);
    help(&line);
}

fn split_and_quote(line: &str) {
    let unfinished = split_unfinished(line);
    let mut end = 0;
    for word in &unfinished {
        assert!(line[end..word.span.start].chars().all(char::is_whitespace), "something is left out");
        assert!(word.span.start < word.span.end);
        end = word.span.end;
    }
    assert!(line[end..].chars().all(char::is_whitespace), "something is left out");

    let Ok(words) = split(line) else { return };
    assert_eq!(words, unfinished);
    let quoted: Vec<String> = words.iter().map(|word| quote(&word.text)).collect();
    let again = split(&quoted.join(" ")).expect("what is quoted can be split");
    assert!(again.iter().map(|word| &word.text).eq(words.iter().map(|word| &word.text)));
    for n in 0..=words.len() + 1 {
        let rest = rest_after(line, n).expect("all of the line splits");
        let left = split(rest).expect("all of the line splits");
        assert!(left.iter().map(|word| &word.text).eq(words.iter().skip(n).map(|word| &word.text)));
    }
}

fn read(line: &str) {
    let registry = Registry::new(commands::ALL);
    for name in registry.member_names(line) {
        assert!((1..=MAX_NAME_LEN).contains(&name.len()), "the room would be asked for {name:?}");
    }
    let text = |reading: &Reading| matches!(reading, Reading::Run { entry, .. } if entry.default);
    for here in [Here(&[]), Here(&["bob", "Zoë"])] {
        let reading = registry.read(line, &here);
        let _ = reading.remember();
        if line.trim().is_empty() {
            assert!(matches!(reading, Reading::Nothing), "{reading:?}");
        } else if line.starts_with(char::is_whitespace) {
            assert!(text(&reading), "{reading:?}");
        } else if line.starts_with('/') && !line.contains('\n') {
            let named = line[1..].split(char::is_whitespace).next().and_then(|name| registry.find(name));
            assert!(!text(&reading) || named.is_some_and(|entry| entry.default), "{reading:?}");
        } else if let Reading::Run { entry, .. } = reading {
            assert!(entry.default || (entry.bare && !line.contains('\n')), "{}", entry.name);
        }
    }
    let always = registry.always_text(line);
    assert!(if line.trim().is_empty() { matches!(always, Reading::Nothing) } else { text(&always) }, "{always:?}");
    let _ = registry.nearest(line);
}

fn complete(line: &str) {
    let registry = Registry::new(commands::ALL);
    let here = Here(&["bob", "Zoë"]);
    let _ = registry.complete(line, line.len() + 1, &here);
    let step = line.len() / PLACES + 1;
    for at in (0..line.len()).step_by(step).chain([line.len()]) {
        let (start, found) = registry.complete(line, at, &here);
        assert!(start <= at, "the word begins after the cursor");
        if line.is_char_boundary(at) {
            assert!(line.is_char_boundary(start), "the word begins within a character");
        }
        for Candidate { word: candidate, .. } in found {
            let bare = candidate.strip_prefix('/').unwrap_or(&candidate);
            let command = registry.entries().iter().flat_map(Entry::names).any(|name| name == bare);
            let member = here.0.contains(&candidate.as_str());
            let kept = candidate == "3";
            assert!(command || member || kept || candidate.starts_with("--"), "{candidate} is offered");
        }
        let path = registry.path_from(line, at);
        assert!(path.is_none_or(|start| start <= at && line.is_char_boundary(start)));
    }
}

/// What shows while a line is typed.
fn help(line: &str) {
    let registry = Registry::new(commands::ALL);
    let here = Here(&["bob", "Zoë"]);
    if let Some(hint) = registry.hint(line, &here) {
        assert!(hint.text.is_char_boundary(hint.completes));
    }
    let mut end = 0;
    for (span, _) in registry.marks(line, &here, &here) {
        assert!(end <= span.start && line.get(span.clone()).is_some(), "marks are in order, and parts of the line");
        end = span.end;
    }
    if registry.misspelt(line, &here).is_some() {
        assert!(matches!(registry.read(line, &here), Reading::Run { entry, .. } if entry.default), "it is text");
    }
}

/// Those who are in the room.
struct Here(&'static [&'static str]);

impl Known for Here {
    fn member(&self, name: &str) -> bool {
        self.0.contains(&name)
    }

    fn knock(&self, name: &str) -> bool {
        self.0.contains(&name)
    }

    fn kept(&self, number: u32) -> bool {
        number == 3
    }
}

impl Names for Here {
    fn members(&self, prefix: &str) -> Vec<Candidate> {
        let prefix = prefix.to_lowercase();
        let names = self.0.iter().filter(|name| name.to_lowercase().starts_with(&prefix));
        names.map(|name| Candidate::plain(*name)).collect()
    }

    fn knocks(&self, prefix: &str) -> Vec<Candidate> {
        self.members(prefix)
    }

    fn kept(&self) -> Vec<(u32, String)> {
        vec![(3, String::new())]
    }
}
