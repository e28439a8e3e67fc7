//! All that happened, for whoever looks for the cause.

use super::super::{truth::Truth, world::Inner};
use crate::session::SessionEvent;

pub(super) fn tell(truth: &Truth, inner: &Inner) {
    for ((room, seq), known) in &truth.events {
        eprintln!("room {room}: {seq} {:.120}", format!("{:?}", known.event));
    }
    for (at, run) in inner.runs.iter().enumerate() {
        eprintln!("run {at}: key {} {:?} kicked {}", run.key(), run.fate, run.kicked);
        for stay in &truth.stays[at] {
            let past = stay.past.iter().map(|past| (past.key.0[0], past.n)).collect::<Vec<_>>();
            let gaps =
                stay.gaps.iter().map(|stated| (stated.from, stated.gap.missed, stated.gap.seq)).collect::<Vec<_>>();
            let (room, number, seq, resumed, resume) = (stay.room, stay.number, stay.seq, stay.resumed, stay.resume);
            let resume = resume.map(|resume| resume.seq);
            eprintln!("  in room {room} as {number} at {seq}, {resumed} from {resume:?}, past {past:?}, gaps {gaps:?}");
        }
        for (millis, event) in &run.heard {
            match event {
                SessionEvent::Message(m) => {
                    let (from, text, past) = (m.from.number, String::from_utf8_lossy(&m.payload), m.past.is_some());
                    let (n, kept, own) = (m.n, m.kept, m.own);
                    eprintln!("  {millis} #{} of {from} n {n} kept {kept:?} own {own} past {past} {text:.30}", m.seq);
                }
                event => eprintln!("  {millis} {:.150}", format!("{event:?}")),
            }
        }
    }
}
