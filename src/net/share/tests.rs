use futures_util::FutureExt;
use tokio::time::advance;

use super::*;

const LONG: Duration = Duration::from_secs(3600);
const SECOND: Duration = Duration::from_secs(1);

fn source(ip: &str) -> Source {
    ip.parse::<std::net::IpAddr>().unwrap().into()
}

/// Eight places, four a source, two when all are taken; three turns, two a source; one of each in reserve.
fn limits() -> Limits {
    Limits {
        waiting: 8,
        waiting_a_source: 4,
        waiting_a_source_when_full: 2,
        turns: 3,
        turns_a_source: 2,
        reserve: 1,
        give_way: LONG,
    }
}

fn shares() -> Arc<Shares> {
    Shares::new(limits())
}

/// The place of a connection that gets one at once.
fn place(shares: &Arc<Shares>, ip: &str) -> Place {
    shares.place(source(ip), false).now_or_never().expect("it need not wait").expect("there is one")
}

/// The place of one that has said something.
fn speaking(shares: &Arc<Shares>, ip: &str) -> Place {
    let place = place(shares, ip);
    place.speaks();
    place
}

fn turn(shares: &Arc<Shares>, ip: &str) -> Share {
    place(shares, ip).turn().now_or_never().expect("a turn is free")
}

/// All turns are taken.
fn full(shares: &Arc<Shares>) -> Vec<Share> {
    ["192.0.2.1", "192.0.2.2", "192.0.2.3"].map(|ip| turn(shares, ip)).into()
}

#[tokio::test]
async fn case_8_a_source_has_few_turns_and_leaves_the_others_theirs() {
    let shares = shares();
    let mut turns = vec![turn(&shares, "::ffff:192.0.2.1"), turn(&shares, "192.0.2.1")];
    let mut third = Box::pin(place(&shares, "192.0.2.1").turn());
    assert!(third.as_mut().now_or_never().is_none());
    turns.push(turn(&shares, "2001:db8::1"));
    let mut full = Box::pin(place(&shares, "2001:db8:1::1").turn());
    assert!(full.as_mut().now_or_never().is_none(), "all turns are taken");
    turns.remove(0);
    turns.push(full.as_mut().now_or_never().expect("a turn is free"));
    assert!(third.as_mut().now_or_never().is_none(), "all turns are taken again");
    turns.clear();
    assert!(third.as_mut().now_or_never().is_some());
    drop((third, full));
    assert!(shares.is_idle());
}

#[tokio::test]
async fn a_source_that_waits_too_often_is_turned_away_and_others_are_not() {
    let shares = shares();
    let mut places: Vec<_> = (0..4).map(|_| speaking(&shares, "192.0.2.1")).collect();
    assert!(shares.place(source("192.0.2.1"), false).now_or_never().expect("at once").is_none());
    places.extend(["192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5"].map(|ip| speaking(&shares, ip)));
    assert!(shares.place(source("192.0.2.6"), false).now_or_never().is_none(), "nothing more is accepted");
    places.pop();
    drop(place(&shares, "192.0.2.6"));
    drop(places);
    assert!(shares.is_idle());
}

#[tokio::test(start_paused = true)]
async fn one_that_waits_for_a_place_gets_it_as_soon_as_there_is_one() {
    let shares = shares();
    let mut places: Vec<_> = (1..=8).map(|last| speaking(&shares, &format!("192.0.2.{last}"))).collect();
    let waiting = tokio::spawn({
        let shares = shares.clone();
        async move { shares.place(source("198.51.100.1"), false).await }
    });
    advance(SECOND).await;
    assert!(!waiting.is_finished());
    places.pop();
    assert!(waiting.await.unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn the_oldest_silent_one_of_the_source_that_has_most_of_them_gives_way() {
    let shares = shares();
    let mut silent: Vec<_> = ["192.0.2.1", "192.0.2.2", "192.0.2.2", "192.0.2.2"].map(|ip| place(&shares, ip)).into();
    let speaking: Vec<_> = (5..=8).map(|last| speaking(&shares, &format!("192.0.2.{last}"))).collect();
    let honest = shares.place(source("198.51.100.1"), false);
    let mut honest = Box::pin(honest);
    assert!(honest.as_mut().now_or_never().is_none(), "its place is being cleared");
    let leaving: Vec<_> = silent.iter().map(|place| place.leave().is_cancelled()).collect();
    assert_eq!(leaving, [false, true, false, false]);
    // Another one that asks meanwhile has nobody else put out.
    assert!(shares.place(source("198.51.100.2"), false).now_or_never().is_none());
    assert!(!silent[2].leave().is_cancelled());
    silent.remove(1);
    assert!(honest.await.is_some());
    assert!(!speaking.iter().any(|place| place.leave().is_cancelled()));
}

#[tokio::test(start_paused = true)]
async fn where_none_is_silent_those_give_way_that_have_waited_long() {
    let shares = Shares::new(Limits { give_way: SECOND, ..limits() });
    let old: Vec<_> = (1..=8).map(|last| speaking(&shares, &format!("192.0.2.{last}"))).collect();
    let mut honest = Box::pin(shares.place(source("198.51.100.1"), false));
    assert!(honest.as_mut().now_or_never().is_none());
    assert!(!old.iter().any(|place| place.leave().is_cancelled()), "nobody has waited long yet");
    advance(SECOND).await;
    assert!(honest.as_mut().now_or_never().is_none());
    let leaving = old.iter().filter(|place| place.leave().is_cancelled()).count();
    assert!(leaving == 1 && old[0].leave().is_cancelled(), "the oldest of them, {leaving}");
    drop(old);
    assert!(honest.await.is_some());
}

#[tokio::test]
async fn while_all_places_are_taken_a_source_may_have_only_a_few() {
    let shares = shares();
    let _places: Vec<_> =
        [1, 1, 1, 2, 3, 4, 5, 6].map(|last| speaking(&shares, &format!("192.0.2.{last}"))).into_iter().collect();
    let ask = |ip| shares.place(source(ip), false).now_or_never();
    assert!(ask("192.0.2.1").expect("it is told at once").is_none(), "it has three");
    assert!(ask("192.0.2.2").is_none(), "it waits: it has one");
}

#[tokio::test]
async fn a_favoured_source_has_a_place_above_the_others() {
    let shares = shares();
    let _places: Vec<_> = (1..=8).map(|last| speaking(&shares, &format!("192.0.2.{last}"))).collect();
    let ask = |favoured| shares.place(source("198.51.100.1"), favoured).now_or_never();
    let member = ask(true).expect("at once").expect("it has one");
    assert!(ask(true).is_none() && ask(false).is_none(), "one only");
    drop(member);
}

#[tokio::test]
async fn case_129_a_favoured_source_has_turns_that_nobody_else_can_take() {
    let shares = shares();
    let turns = full(&shares);
    let stranger = Box::pin(place(&shares, "192.0.2.4").turn());
    let mut stranger = stranger;
    assert!(stranger.as_mut().now_or_never().is_none());
    let favoured = || shares.place(source("198.51.100.1"), true).now_or_never().flatten().expect("a place");
    let member = favoured().turn().now_or_never().expect("the reserve is free");
    assert!(favoured().turn().now_or_never().is_none(), "and that was it");
    assert!(stranger.as_mut().now_or_never().is_none());
    drop(member);
    assert!(stranger.as_mut().now_or_never().is_none(), "the reserve is not for strangers");
    drop(turns);
    assert!(stranger.now_or_never().is_some());
    let member = favoured().turn().now_or_never().expect("a turn like any other");
    assert_eq!(
        shares.table().rows.values().filter(|row| matches!(row.stage, Stage::Turn { reserved: true })).count(),
        0
    );
    drop(member);
    assert!(shares.is_idle());
}

#[tokio::test]
async fn the_source_that_has_fewest_turns_is_next() {
    let shares = shares();
    let mut turns = vec![turn(&shares, "192.0.2.1"), turn(&shares, "192.0.2.2"), turn(&shares, "192.0.2.2")];
    let mut greedy = Box::pin(place(&shares, "192.0.2.1").turn());
    assert!(greedy.as_mut().now_or_never().is_none());
    let mut honest = Box::pin(place(&shares, "198.51.100.1").turn());
    assert!(honest.as_mut().now_or_never().is_none());
    turns.pop();
    assert!(greedy.as_mut().now_or_never().is_none(), "it came first, but has one");
    assert!(honest.as_mut().now_or_never().is_some());
}

#[tokio::test(start_paused = true)]
async fn as_many_give_way_as_wait_and_none_before_its_time() {
    let shares = Shares::new(Limits { give_way: 2 * SECOND, ..limits() });
    let turns = full(&shares);
    let leaving = |turns: &[Share]| turns.iter().filter(|turn| turn.leave().is_cancelled()).count();
    advance(SECOND).await;
    let [one, two] = ["198.51.100.1", "198.51.100.2"].map(|ip| {
        let place = place(&shares, ip);
        tokio::spawn(async move { place.turn().await })
    });
    tokio::task::yield_now().await;
    assert_eq!(leaving(&turns), 0, "they have had a second");
    tokio::time::sleep(SECOND + SECOND / 100).await;
    assert_eq!(leaving(&turns), 2);
    assert!(turns[0].leave().is_cancelled() && turns[1].leave().is_cancelled(), "the oldest");
    drop(turns);
    one.await.unwrap();
    two.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn nobody_gives_way_where_nobody_waits() {
    let shares = Shares::new(Limits { give_way: SECOND, ..limits() });
    let turns = full(&shares);
    tokio::time::sleep(LONG).await;
    assert!(!turns.iter().any(|turn| turn.leave().is_cancelled()));
}

#[tokio::test(start_paused = true)]
async fn one_whose_source_has_all_it_may_have_does_not_press_others() {
    let shares = Shares::new(Limits { give_way: SECOND, ..limits() });
    let other = turn(&shares, "192.0.2.2");
    tokio::time::sleep(2 * SECOND).await;
    let own = [turn(&shares, "192.0.2.1"), turn(&shares, "192.0.2.1")];
    let place = place(&shares, "192.0.2.1");
    let waiting = tokio::spawn(async move { place.turn().await });
    tokio::time::sleep(2 * SECOND).await;
    assert!(!other.leave().is_cancelled(), "its going would be of no use");
    assert!(own[0].leave().is_cancelled() && !own[1].leave().is_cancelled());
    drop(own);
    waiting.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn one_that_goes_while_it_waits_leaves_nothing() {
    let shares = shares();
    let turns = full(&shares);
    let mut waiting = Box::pin(place(&shares, "198.51.100.1").turn());
    assert!(waiting.as_mut().now_or_never().is_none());
    drop(waiting);
    drop(turns);
    assert!(shares.is_idle());
}
