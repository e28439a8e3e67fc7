//! What a host is told of the journal of its room.

use std::path::Path;

use super::Screen;
use crate::{
    room::Restored,
    size::counted,
    view::{Event, Line},
};

/// Says what was found in the journal at `path`.
pub(super) fn announce(found: &Restored, path: &Path, screen: &Screen) {
    let Restored { found: goes_on, events, members, unfinished, damaged } = found;
    let mut text = match goes_on {
        true => format!(
            "the room goes on from {}: {} held, {} may come back",
            path.display(),
            counted(*events, "event"),
            counted(u64::from(*members), "member"),
        ),
        false => format!("the room's journal is {}: lines are on the disk before anybody reads them", path.display()),
    };
    if *unfinished > 0 {
        text += &format!(
            "; its last {unfinished} bytes were not written to their end, nobody had read them, and they are cut off"
        );
    }
    let event = Event::new("journal", text).with("goes_on", *goes_on).with("events", *events).with("members", *members);
    screen.view.show(Line::Event(event.with("unfinished_bytes", *unfinished)));
    if let Some((bytes, left)) = damaged {
        screen.view.show(Line::Error(format!(
            "the last {bytes} bytes of the journal cannot be read; lines are lost, and the room goes on as one that has \
             restarted; the damaged file is {}",
            left.display()
        )));
    }
}
