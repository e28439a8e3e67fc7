//! What one seed has in store: the room, the troubles and the weather.

use std::time::Duration;

use super::{
    wire::{Cut, FAR, NEAR, Weather},
    world::{Trouble, Troubles},
};
use crate::{
    dice::Dice,
    room::{LogLimits, RoomConfig, Timing, journal::memory::Platter, tests::peer},
};

/// Some of these, perhaps all or none.
fn some<T: Clone>(dice: &mut Dice, of: &[T]) -> Vec<T> {
    of.iter().filter(|_| dice.below(2) == 0).cloned().collect()
}

pub(super) fn troubles(dice: &mut Dice) -> Troubles {
    let secs = |secs| Duration::from_secs(secs);
    let log = LogLimits {
        events: dice.pick(&[40, 150, 65_536]),
        bytes: dice.pick(&[24 * 1024, 100 * 1024, 16 << 20]),
        life: secs(dice.pick(&[8, 600])),
    };
    let timing = Timing {
        ban: secs(10),
        seat_life: secs(dice.pick(&[12, 600, 600])),
        away: secs(dice.pick(&[3, 30])),
        ..Timing::default()
    };
    let config = RoomConfig {
        open: true,
        owner: peer::key(1),
        rate: dice.pick(&[None, None, Some(20)]),
        backlog: dice.pick(&[0, 3, 50, 500]),
        log,
        timing,
        ..peer::config()
    };
    let hole = 1 + dice.below(20_000);
    let cuts = some(
        dice,
        &[
            Cut::Fin,
            Cut::Reset,
            Cut::HalfReset(NEAR),
            Cut::HalfReset(FAR),
            Cut::Silence,
            Cut::HalfSilence(NEAR),
            Cut::HalfSilence(FAR),
            Cut::Hole(1, hole),
            Cut::Hole(2, hole),
            Cut::Hole(3, hole),
        ],
    );
    let kinds = some(
        dice,
        &[
            Trouble::Cut,
            Trouble::Outage,
            Trouble::Stall,
            Trouble::Idle,
            Trouble::Leave,
            Trouble::Kill,
            Trouble::Kick,
            Trouble::HostCrash,
            Trouble::Flood,
            Trouble::Mute,
            Trouble::Lock,
            Trouble::Nick,
            Trouble::Suspend,
        ],
    );
    let journal = match dice.below(3) {
        0 => Some(Platter::slow(Duration::from_millis(dice.pick(&[0, 3, 30])))),
        _ => None,
    };
    Troubles { config, journal, cuts, kinds }
}

pub(super) fn weather(dice: &mut Dice) -> (Weather, u32) {
    let weather = Weather {
        delay: dice.pick(&[0, 5, 40, 300]),
        jitter: dice.pick(&[0, 20, 200, 1_500]),
        rate: dice.pick(&[None, None, None, Some(1_000), Some(10_000)]),
        piece: dice.pick(&[1 << 16, 1 << 16, 700, 40]),
        window: dice.pick(&[2_048, 16_384]),
    };
    (weather, dice.below(8) as u32)
}

pub(super) const INSIDE: Weather = Weather { delay: 0, jitter: 0, rate: None, piece: 1 << 16, window: 1 << 16 };
