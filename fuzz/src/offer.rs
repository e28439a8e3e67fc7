use pchat::{
    transfer::{
        message::{Message, Offer, Report},
        name::{Place, received},
    },
    view::filter::clean,
    wire::{MAX_KEPT_LEN, MAX_PAYLOAD_LEN},
};

/// Any bytes as what a member says about files.
pub fn offer(data: &[u8]) {
    let Some(message) = Message::decode(data) else { return };
    assert_eq!(&message.encode()[..], data, "a message has two encodings");
    match &message {
        Message::Offer { offer, .. } => shown(offer, data.len()),
        Message::Report { tag, report } => {
            assert!(data.len() <= MAX_PAYLOAD_LEN);
            assert_eq!(Message::report(*tag, report.clone()), message, "a report that fits is cut");
            if let Report::Paused(reason) | Report::Failed(reason) = report {
                plain(&clean(reason));
            }
        }
        Message::Resumed { .. } => {}
    }
}

fn shown(offer: &Offer, len: usize) {
    assert!(len <= MAX_KEPT_LEN, "{len} bytes are more than a room keeps");
    assert!(offer.bytes < 1 << 63);
    let (name, what) = (offer.shown(), offer.describe());
    assert!(what.starts_with(&name));
    plain(&name);
    plain(&what);
    offer.contents().iter().for_each(|names| plain(names));
    // What is put in quotes cannot pass for another name.
    assert!(name.starts_with('"') || name.trim_end_matches('/') == offer.name.trim_end_matches('/'));
    match received(&offer.name, Place::Top) {
        Ok(safe) => {
            let safe = safe.as_str();
            assert!(!safe.is_empty() && safe.len() <= 255 && !safe.contains(['/', '\0']) && !safe.starts_with('.'));
            // A mark without a letter is a name like any other; where it is shown it is made visible.
            plain(&clean(safe));
        }
        Err(error) => plain(&error.to_string()),
    }
}

/// Nothing in it acts on a terminal, and it is one line.
fn plain(text: &str) {
    assert_eq!(clean(text), text, "shown as it came: {text:?}");
}
