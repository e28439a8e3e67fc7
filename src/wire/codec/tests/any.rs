//! Strategies for every frame.

use std::net::IpAddr;

use bytes::Bytes;
use proptest::{collection::vec, option, prelude::*};

use crate::wire::*;

fn name() -> impl Strategy<Value = String> {
    "\\PC{0,20}"
}

fn key() -> impl Strategy<Value = PublicKey> {
    any::<[u8; 32]>().prop_map(PublicKey)
}

fn instance() -> impl Strategy<Value = Instance> {
    any::<[u8; 16]>().prop_map(Instance)
}

fn epoch() -> impl Strategy<Value = Epoch> {
    any::<[u8; 16]>().prop_map(Epoch)
}

/// Numbers of every width of a varint.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![0..300u64, any::<u64>(), Just(u64::MAX)]
}

fn introduction() -> impl Strategy<Value = Introduction> {
    (any::<u32>(), key(), instance(), name()).prop_map(|(number, key, instance, name)| Introduction {
        number,
        key,
        instance,
        name,
    })
}

fn said() -> impl Strategy<Value = Said> {
    ("[a-z_0-9]{1,32}", vec(any::<u8>(), 0..300))
        .prop_map(|(command, payload)| Said { command, payload: Bytes::from(payload) })
}

fn knock() -> impl Strategy<Value = KnockRow> {
    (name(), key(), any::<Option<IpAddr>>(), option::of(name())).prop_map(|(name, key, address, claims)| KnockRow {
        name,
        key,
        address,
        claims,
    })
}

fn request() -> impl Strategy<Value = Request> {
    prop_oneof![
        any::<u32>().prop_map(|after| Request::Who { after }),
        name().prop_map(|prefix| Request::Names { prefix }),
        name().prop_map(|name| Request::Find { name }),
        name().prop_map(|name| Request::Nick { name }),
        (any::<u32>(), name()).prop_map(|(member, reason)| Request::Kick { member, reason }),
        Just(Request::Knocks),
        name().prop_map(|name| Request::Admit { name }),
        name().prop_map(|name| Request::Decline { name }),
        Just(Request::Place),
        any::<u16>().prop_map(|port| Request::Move { port }),
        prop_oneof![Just(CodeChange::Keep), Just(CodeChange::New), Just(CodeChange::Off)].prop_map(Request::Code),
        (whom(), name()).prop_map(|(whom, reason)| Request::Ban { whom, reason }),
        key().prop_map(|key| Request::Unban { key }),
        option::of(key()).prop_map(|after| Request::Bans { after }),
        (whom(), any::<bool>()).prop_map(|(whom, muted)| Request::Mute { whom, muted }),
        any::<bool>().prop_map(|locked| Request::Lock { locked }),
        Just(Request::Status),
    ]
}

fn whom() -> impl Strategy<Value = Whom> {
    prop_oneof![any::<u32>().prop_map(Whom::Member), name().prop_map(Whom::Named)]
}

fn element() -> impl Strategy<Value = Element> {
    any::<[u8; 32]>().prop_map(Element)
}

fn confirmation() -> impl Strategy<Value = Confirmation> {
    any::<[u8; 32]>().prop_map(Confirmation)
}

fn term() -> impl Strategy<Value = Term> {
    prop_oneof![Just(Term::Minutes), Just(Term::Good)]
}

fn envelope() -> impl Strategy<Value = Envelope> {
    let to =
        prop_oneof![Just(To::Everyone), (key(), instance()).prop_map(|(key, instance)| To::Member { key, instance })];
    let body = prop_oneof![
        said().prop_map(Body::Say),
        (any::<u32>(), said()).prop_map(|(tag, said)| Body::Keep { tag, said }),
        any::<u32>().prop_map(|tag| Body::Withdraw { tag }),
        said().prop_map(Body::Remember),
    ];
    (number(), number(), to, body).prop_map(|(n, prev, to, body)| Envelope { n, prev, to, body })
}

/// Any frame of a member.
pub(super) fn to_room() -> impl Strategy<Value = ToRoom> {
    let resume = (epoch(), number(), number()).prop_map(|(epoch, seq, count)| Resume { epoch, seq, count });
    let otherwise = prop_oneof![Just(Otherwise::Nothing), Just(Otherwise::Knock), element().prop_map(Otherwise::Code)];
    let hello = (number(), name(), instance(), number(), option::of(resume), otherwise).prop_map(
        |(features, name, instance, next, resume, otherwise)| Hello {
            features,
            name,
            instance,
            next,
            resume,
            otherwise,
        },
    );
    prop_oneof![
        hello.prop_map(ToRoom::Hello),
        envelope().prop_map(ToRoom::Envelope),
        request().prop_map(ToRoom::Ask),
        Just(ToRoom::Leave),
        number().prop_map(ToRoom::Ping),
        number().prop_map(ToRoom::Pong),
        confirmation().prop_map(ToRoom::Confirm),
    ]
}

fn kept() -> impl Strategy<Value = Kept> {
    any::<(u32, u32)>().prop_map(|(number, tag)| Kept { number, tag })
}

fn event() -> impl Strategy<Value = Event> {
    let from = || (any::<u32>(), number(), number());
    let departure = prop_oneof![
        Just(Departure::Quit),
        Just(Departure::Lost),
        (name(), name(), term()).prop_map(|(by, reason, term)| Departure::Kicked { by, reason, term }),
    ];
    prop_oneof![
        (from(), any::<Option<u32>>(), option::of(kept()), said())
            .prop_map(|((from, n, prev), to, kept, said)| Event::Said { from, n, prev, to, kept, said }),
        (from(), kept()).prop_map(|((from, n, prev), kept)| Event::Withdrawn { from, n, prev, to: None, kept }),
        (number(), name()).prop_map(|(n, reason)| Event::Refused { n, reason }),
        introduction().prop_map(Event::Joined),
        (any::<u32>(), departure).prop_map(|(member, how)| Event::Left { member, how }),
        (any::<u32>(), name()).prop_map(|(member, name)| Event::Renamed { member, name }),
        any::<u32>().prop_map(|member| Event::Away { member }),
        any::<u32>().prop_map(|member| Event::Back { member }),
        any::<(u32, u32, u32)>().prop_map(|(joined, left, members)| Event::Crowd { joined, left, members }),
        (knock(), any::<u32>()).prop_map(|(KnockRow { name, key, address, claims }, more)| Event::Knock {
            name,
            key,
            address,
            claims,
            more
        }),
        (name(), any::<bool>()).prop_map(|(name, entered)| Event::KnockOver { name, entered }),
        any::<u16>().prop_map(|port| Event::Moved { port }),
        (introduction(), option::of(name())).prop_map(|(member, unlisted)| Event::Invited { member, unlisted }),
        number().prop_map(|wrong| Event::CodeOver { wrong }),
        any::<(Option<IpAddr>, u32, u32)>().prop_map(|(address, tries, others)| Event::Guesses {
            address,
            tries,
            others
        }),
        (any::<(u32, bool)>(), name()).prop_map(|((member, muted), by)| Event::Muted { member, by, muted }),
        (name(), any::<bool>()).prop_map(|(by, locked)| Event::Locked { by, locked }),
    ]
}

fn answer() -> impl Strategy<Value = Answer> {
    let row = (introduction(), any::<Option<IpAddr>>(), number(), any::<Option<u32>>(), any::<(bool, bool, bool)>())
        .prop_map(|(member, address, since_secs, rtt_micros, (host, away, muted))| WhoRow {
            member,
            address,
            since_secs,
            rtt_micros,
            host,
            away,
            muted,
        });
    let ban = (key(), name(), option::of(number())).prop_map(|(key, name, secs)| BanRow { key, name, secs });
    prop_oneof![
        Just(Answer::Done),
        name().prop_map(Answer::Denied),
        (vec(row, 0..5), any::<bool>()).prop_map(|(rows, more)| Answer::Who { rows, more }),
        vec(name(), 0..5).prop_map(Answer::Names),
        option::of(introduction()).prop_map(Answer::Found),
        vec(knock(), 0..5).prop_map(Answer::Knocks),
        name().prop_map(Answer::Name),
        (any::<u16>(), vec(any::<IpAddr>(), 0..5)).prop_map(|(port, addresses)| Answer::Place { port, addresses }),
        option::of(name()).prop_map(Answer::Code),
        (vec(ban, 0..5), any::<bool>()).prop_map(|(rows, more)| Answer::Bans { rows, more }),
        status().prop_map(|status| Answer::Status(Box::new(status))),
    ]
}

fn status() -> impl Strategy<Value = RoomStatus> {
    let log = any::<(u8, u8, Option<u64>)>().prop_map(|(events_percent, bytes_percent, reaches_secs)| LogFill {
        events_percent,
        bytes_percent,
        reaches_secs,
    });
    let housekeeping = (number(), any::<[u32; 8]>()).prop_map(
        |(links, [names, knocks, banned, muted, guessers, calling, favoured, failed])| Housekeeping {
            links,
            names,
            knocks,
            banned,
            muted,
            guessers,
            calling,
            favoured,
            failed,
        },
    );
    let numbers = (any::<[u32; 10]>(), [number(), number(), number(), number(), number()]);
    (name(), numbers, log, option::of(housekeeping)).prop_map(|(version, (small, large), log, housekeeping)| {
        let [members, away, max_members, entered, kept, max_kept, past, max_past, streams, max_streams] = small;
        let [open_secs, said, said_bytes, streams_in_all, carried_bytes] = large;
        RoomStatus {
            version,
            open_secs,
            members,
            away,
            max_members,
            entered,
            said,
            said_bytes,
            log,
            kept,
            max_kept,
            past,
            max_past,
            streams,
            max_streams,
            streams_in_all,
            carried_bytes,
            housekeeping,
        }
    })
}

/// Any frame of a room.
pub(super) fn from_room() -> impl Strategy<Value = FromRoom> {
    let welcome = (number(), epoch(), any::<(u32, u32, bool)>(), name(), (number(), number()), name()).prop_map(
        |(features, epoch, (number, members, resumed), name, (accepted, seq), host)| Welcome {
            features,
            epoch,
            number,
            name,
            accepted,
            seq,
            members,
            host,
            resumed,
        },
    );
    let refusal = prop_oneof![
        option::of(number()).prop_map(|secs| Refusal::Banned { secs }),
        Just(Refusal::Stranger),
        Just(Refusal::WrongCode),
        number().prop_map(|secs| Refusal::Guesses { secs }),
        Just(Refusal::Locked),
        number().prop_map(|secs| Refusal::TooOften { secs }),
        any::<u32>().prop_map(|limit| Refusal::Enough { limit }),
        Just(Refusal::Declined),
        Just(Refusal::NobodyToAsk),
        Just(Refusal::Crowded),
        any::<u32>().prop_map(|limit| Refusal::Full { limit }),
        name().prop_map(Refusal::Name),
        any::<u16>().prop_map(|port| Refusal::Moved { port }),
        Just(Refusal::Yourself),
        Just(Refusal::Closing),
    ];
    let gap = (number(), number(), number(), vec(any::<u32>(), 0..50)).prop_map(|(missed, accepted, seq, kept)| Gap {
        missed,
        accepted,
        seq,
        kept,
    });
    let end = prop_oneof![
        name().prop_map(|by| End::Closed { by }),
        (name(), name(), term()).prop_map(|(by, reason, term)| End::Kicked { by, reason, term }),
        Just(End::Superseded),
    ];
    let past = (key(), instance(), name(), (number(), number()), said())
        .prop_map(|(key, instance, name, (n, age_secs), said)| Past { key, instance, name, n, age_secs, said });
    prop_oneof![
        past.prop_map(FromRoom::Past),
        welcome.prop_map(FromRoom::Welcome),
        name().prop_map(|name| FromRoom::Waiting { name }),
        refusal.prop_map(FromRoom::Refused),
        introduction().prop_map(FromRoom::Member),
        (number(), event()).prop_map(|(seq, event)| FromRoom::Event { seq, event }),
        gap.prop_map(FromRoom::Gap),
        answer().prop_map(FromRoom::Answer),
        end.prop_map(FromRoom::Ended),
        number().prop_map(FromRoom::Ping),
        number().prop_map(FromRoom::Pong),
        element().prop_map(FromRoom::Code),
        confirmation().prop_map(FromRoom::Confirmed),
        any::<Option<u32>>().prop_map(|rate| FromRoom::Slowed { rate }),
    ]
}
