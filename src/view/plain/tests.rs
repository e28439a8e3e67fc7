use std::{
    sync::{Arc, mpsc},
    time::Duration,
};

use super::*;
use crate::view::{line::somebody, paper::Paper};

/// Takes nothing until the gate opens, then breaks or takes everything.
struct Gate(mpsc::Receiver<bool>, Option<bool>);

impl Write for Gate {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let works = *self.1.get_or_insert_with(|| self.0.recv().unwrap_or(false));
        if works { Ok(bytes.len()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn said(name: &str, text: &str) -> Line {
    Line::Said(Said {
        name: name.into(),
        verified: false,
        privacy: Privacy::Room,
        own: false,
        text: text.into(),
        ..somebody()
    })
}

async fn shown(lines: impl IntoIterator<Item = Line>) -> (String, String) {
    let (out, err) = (Paper::default(), Paper::default());
    let view: Box<dyn View> = Box::new(Plain::with(out.clone(), err.clone()).unwrap());
    lines.into_iter().for_each(|line| view.show(line));
    tokio::time::timeout(Duration::from_secs(20), view.drained()).await.unwrap();
    (out.text(), err.text())
}

#[tokio::test]
async fn each_kind_of_line_looks_its_own_way() {
    let private = Line::Said(Said {
        name: "bob".into(),
        verified: false,
        privacy: Privacy::Private,
        own: false,
        text: "psst".into(),
        ..somebody()
    });
    let own = Line::Said(Said {
        name: "ann".into(),
        verified: false,
        privacy: Privacy::Room,
        own: true,
        text: "mine".into(),
        ..somebody()
    });
    let (out, err) = shown([
        said("bob", "hello"),
        private,
        own,
        Line::Notice("bob left".into()),
        Line::Output("a\nb".into()),
        Line::Error("no such file".into()),
    ])
    .await;
    assert_eq!(out, "bob: hello\n(bob) psst\n* bob left\na\nb\n");
    assert_eq!(err, "error: no such file\n");
}

#[tokio::test]
async fn case_57_a_text_that_looks_like_a_notice_keeps_its_sender() {
    let (out, _) = shown([said("bob", "hi\n* ann left\nerror: x")]).await;
    assert_eq!(out, "bob: hi\n  | * ann left\n  | error: x\n");
}

#[tokio::test]
async fn case_69_escapes_in_names_reasons_and_errors_are_shown() {
    let (out, err) =
        shown([said("b\x1b[2Jb\n", "x"), Line::Notice("left: \x1b]0;t\x07".into()), Line::Error("\x1bc".into())]).await;
    assert_eq!(out, "b<U+001B>[2Jb<U+000A>: x\n* left: <U+001B>]0;t<U+0007>\n");
    assert_eq!(err, "error: <U+001B>c\n");
}

#[tokio::test]
async fn a_reader_that_stands_still_holds_the_next_event_back_and_nobody_else() {
    let (open, gate) = mpsc::channel();
    let view: Arc<dyn View> = Arc::new(Plain::with(Gate(gate, None), io::sink()).unwrap());
    for _ in 0..2_000 {
        view.show(said("bob", "hello"));
    }
    let waiting = tokio::time::timeout(Duration::from_millis(1), view.ready()).await;
    assert!(waiting.is_err(), "2,000 unread lines are room for more");
    open.send(true).unwrap();
    tokio::time::timeout(Duration::from_secs(20), view.ready()).await.unwrap();
    tokio::time::timeout(Duration::from_secs(20), view.drained()).await.unwrap();
}

#[tokio::test]
async fn a_closed_pipe_is_told_and_stops_nothing() {
    let (open, gate) = mpsc::channel();
    let view: Arc<dyn View> = Arc::new(Plain::with(Gate(gate, None), io::sink()).unwrap());
    view.show(said("bob", "hello"));
    open.send(false).unwrap();
    tokio::time::timeout(Duration::from_secs(20), view.closed()).await.unwrap();
    view.show(said("bob", "more"));
    tokio::time::timeout(Duration::from_secs(20), view.drained()).await.unwrap();
    assert!(view.backlog().unwrap().is_closed());
}
