//! The part of a simulated life in which things go wrong.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep_until};

use super::{
    wire::{Cut, DRIVER, FAR, NEAR},
    world::{HOST, Manner, Trouble, World},
};
use crate::dice::Dice;

/// Lets people talk and things go wrong.
pub(super) async fn storm(world: &Arc<World>, members: usize, dice: &mut Dice) {
    let steps = 40 + dice.below(160);
    let pace = dice.pick(&[40, 300, 1_000]);
    let longest = dice.pick(&[2_000, 20_000]);
    for _ in 0..steps {
        sleep_until(world.clock.slot(Instant::now() + Duration::from_millis(dice.below(pace)), DRIVER)).await;
        world.open_if_due();
        let slot = dice.below(members as u64 + 1) as usize;
        let until = Instant::now() + Duration::from_millis(dice.below(longest));
        let Some(run) = world.present(slot) else {
            if slot != HOST {
                world.enter(slot);
            }
            continue;
        };
        if dice.below(4) > 0 || world.troubles.kinds.is_empty() {
            if world.awake(slot).is_some() {
                talk(world, run, dice).await;
            }
            continue;
        }
        trouble(world, slot, until, dice).await;
    }
}

/// Something befalls whoever is at that slot.
async fn trouble(world: &Arc<World>, slot: usize, until: Instant, dice: &mut Dice) {
    let of_host = slot == HOST;
    match dice.pick(&world.troubles.kinds) {
        Trouble::HostCrash if world.is_open() && dice.below(3) == 0 => {
            world.crash(dice.pick(&[Cut::Fin, Cut::Reset, Cut::Silence]));
            world.opens_at(until);
        }
        Trouble::Flood => {
            let Some(run) = world.awake(slot) else { return };
            let manner = dice.pick(&[Manner::Plain, Manner::Remembered]);
            for _ in 0..dice.below(150) {
                let len = dice.below(300);
                world.say(run, None, len, manner).await;
            }
        }
        Trouble::Suspend => suspend(world, slot, dice).await,
        Trouble::Nick => world.nick(slot, format!("nick-{}", (b'a' + dice.below(6) as u8) as char)),
        Trouble::Lock => world.lock(dice.below(2) == 0),
        _ if of_host => {}
        Trouble::Mute => world.mute(slot, dice.below(2) == 0),
        Trouble::Cut if !world.troubles.cuts.is_empty() => world.cut(slot, dice.pick(&world.troubles.cuts)),
        Trouble::Outage => {
            world.outage(slot, until);
            world.cut(slot, Cut::Silence);
        }
        Trouble::Stall => world.stall(slot, until),
        Trouble::Idle => world.idle(slot, dice.pick(&[NEAR, FAR]), until),
        Trouble::Leave => world.leave(slot),
        Trouble::Kill => world.kill(slot, dice.pick(&[Cut::Fin, Cut::Reset, Cut::Silence])),
        Trouble::Kick => world.kick(slot),
        _ => {}
    }
}

/// A program stops for a minute or two while the others go on, or for hours in which nobody says anything.
async fn suspend(world: &Arc<World>, slot: usize, dice: &mut Dice) {
    let (secs, alone) = match dice.below(12) {
        0 => (60 + dice.below(8 * 3600), true),
        1..=3 => (60 + dice.below(1_200), true),
        _ => (60 + dice.below(60), dice.below(2) == 0),
    };
    let until = Instant::now() + Duration::from_secs(secs);
    world.suspend(slot, until);
    if alone {
        sleep_until(world.clock.slot(until, DRIVER)).await;
    }
}

/// Somebody says something.
async fn talk(world: &Arc<World>, run: usize, dice: &mut Dice) {
    let most = dice.pick(&[20, 400, 6_000]);
    let len = dice.below(most);
    match dice.below(10) {
        0 => world.say(run, None, len.min(900), Manner::Kept).await,
        1 => world.withdraw(run).await,
        2 | 3 => {
            // To somebody who is there, or was.
            let runs = world.inner().runs.len() as u64;
            let to = dice.below(runs) as usize;
            if to != run {
                let manner = if dice.below(6) == 0 { Manner::Kept } else { Manner::Plain };
                world.say(run, Some(to), len.min(900), manner).await;
            }
        }
        4..=6 => world.say(run, None, len, Manner::Remembered).await,
        _ => world.say(run, None, len, Manner::Plain).await,
    }
}
