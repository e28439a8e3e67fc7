use std::sync::Arc;

use super::*;
use crate::view::line::somebody;

fn line(line: Line) -> String {
    Object::of(line).line()
}

fn value(line: Line) -> Value {
    serde_json::from_str(&self::line(line)).expect("JSON")
}

#[test]
fn what_is_said_tells_who_to_whom_and_how() {
    let said = || Said { name: "bob".into(), text: "hi".into(), ..somebody() };
    let key = somebody().key;
    assert_eq!(
        line(Line::Said(said())),
        format!(
            "{{\"type\":\"message\",\"time\":\"1970-01-01T00:00:00.000Z\",\"from\":\"bob\",\"key\":\"{key}\",\
             \"own\":false,\"past\":false,\"text\":\"hi\",\"verified\":false}}\n"
        )
    );
    let private = value(Line::Said(Said { privacy: Privacy::Private, own: true, ..said() }));
    assert_eq!((&private["type"], &private["to"], &private["own"]), (&"private".into(), &"bob".into(), &true.into()));
    assert!(private.get("from").is_none());
    let schema = schema::Schema::documented();
    for said in
        [said(), Said { manner: Manner::Does, ..said() }, Said { privacy: Privacy::Private, own: true, ..said() }]
    {
        schema.check(&line(Line::Said(said)));
    }
    let action = value(Line::Said(Said { manner: Manner::Does, past: true, verified: true, ..said() }));
    assert_eq!((&action["type"], &action["past"], &action["verified"]), (&"action".into(), &true.into(), &true.into()));
}

#[test]
fn nothing_that_a_terminal_or_the_direction_of_text_obeys_is_written_as_itself() {
    let text = "a\x1b[2J\u{9b}2J\u{7f}\u{202e}\u{2028}\u{e0041}\u{feff}\n\"ß漢\u{1f44d}\\";
    let written = line(Line::Notice(text.into()));
    assert!(!written.trim_end().chars().any(|c| c.is_control() || filter::shown_as_code(c)), "{written}");
    assert!(
        written.contains("\\u009b2J\\u007f\\u202e\\u2028\\udb40\\udc41\\ufeff") && written.contains("ß漢\u{1f44d}")
    );
    assert_eq!(written.matches('\n').count(), 1, "one line");
    assert_eq!(value(Line::Notice(text.into()))["text"], text, "and it is what was said, to the character");
}

#[test]
fn an_event_has_its_values_and_its_sentence_and_one_for_programs_none() {
    let saved = value(Line::Event(Event::new("saved", "saved a").with("bytes", 5).with("from", "bob")));
    assert_eq!((&saved["type"], &saved["bytes"], &saved["text"]), (&"saved".into(), &5.into(), &"saved a".into()));
    assert!(value(Line::Event(Event::new("done", "").with("id", 1))).get("text").is_none());
}

#[test]
fn a_transfer_is_told_of_four_times_a_second_and_each_on_its_own() {
    let json = Json::with(io::sink()).expect("a thread");
    let begin = Instant::now();
    let told = |key, ms: u64| json.is_due(key, begin + Duration::from_millis(ms));
    let first = (0..1_000).step_by(10).filter(|ms| told(1, *ms)).count();
    assert_eq!(first, 4);
    assert!(told(2, 10));
    // One tick late, one early.
    assert!(told(1, 1_060) && told(1, 1_251));
    assert!(told(1, 60_000) && !told(1, 60_001), "what was not told is not made up for");
    let view: Arc<dyn View> = Arc::new(json);
    view.progress(1, None);
}
