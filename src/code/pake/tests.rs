use curve25519_dalek::{constants::EIGHT_TORSION, edwards::EdwardsPoint, traits::Identity as _};

use super::*;

fn code(words: &str) -> Code {
    Code::typed(words).unwrap()
}

fn ends() -> Ends {
    Ends { exporter: [3; 32], joiner: PublicKey([1; 32]), host: PublicKey([2; 32]) }
}

/// What both ends come to: whether the room lets in, and whether the joiner believes it.
fn meet(joiner: (&Code, Ends), host: (Option<&Code>, Ends)) -> (bool, bool) {
    let (joining, hello) = Joiner::start(joiner.0, &joiner.1);
    let (hosting, answer) = Host::start(host.0, &host.1);
    let (doubting, confirm) = joining.finish(&answer).unwrap();
    match hosting.finish(&hello).unwrap().judge(&confirm) {
        Some(confirmed) => (true, doubting.believes(&confirmed)),
        None => (false, false),
    }
}

#[test]
fn both_ends_believe_each_other_only_with_one_code() {
    let right = code("zoo abandon lens");
    assert_eq!(meet((&right, ends()), (Some(&right), ends())), (true, true));
    assert_eq!(meet((&code("ZOO-abandon-Lens"), ends()), (Some(&right), ends())), (true, true));
    assert_eq!(meet((&code("zoo abandon lend"), ends()), (Some(&right), ends())), (false, false));
    assert_eq!(meet((&right, ends()), (None, ends())), (false, false), "a room without a code admits nobody by one");
}

#[test]
fn case_23_a_relayed_exchange_fails_at_another_connection_or_key() {
    let right = code("zoo abandon lens");
    for other in [
        Ends { exporter: [4; 32], ..ends() },
        Ends { joiner: PublicKey([9; 32]), ..ends() },
        Ends { host: PublicKey([9; 32]), ..ends() },
        Ends { joiner: ends().host, host: ends().joiner, ..ends() },
    ] {
        assert_eq!(meet((&right, ends()), (Some(&right), other)), (false, false));
    }
}

#[test]
fn case_24_a_recorded_exchange_cannot_be_replayed() {
    let right = code("zoo abandon lens");
    let (joining, hello) = Joiner::start(&right, &ends());
    let (hosting, answer) = Host::start(Some(&right), &ends());
    let (_, confirm) = joining.finish(&answer).unwrap();
    assert!(hosting.finish(&hello).unwrap().judge(&confirm).is_some());
    // The same bytes, at the same ends even.
    let (again, _) = Host::start(Some(&right), &ends());
    assert!(again.finish(&hello).unwrap().judge(&confirm).is_none());
}

#[test]
fn case_20_an_end_refuses_its_own_element() {
    let right = code("zoo abandon lens");
    let (joining, hello) = Joiner::start(&right, &ends());
    assert!(joining.finish(&hello).is_err());
    let (hosting, answer) = Host::start(Some(&right), &ends());
    assert!(hosting.finish(&answer).is_err());
}

#[test]
fn case_21_points_that_no_honest_end_sends_are_refused() {
    let right = code("zoo abandon lens");
    let refused = |bytes: [u8; 32], what: &str| {
        let (joining, hello) = Joiner::start(&right, &ends());
        assert!(joining.finish(&Element(bytes)).is_err(), "{what}");
        let (hosting, _) = Host::start(Some(&right), &ends());
        assert!(hosting.finish(&Element(bytes)).is_err(), "{what}");
        hello
    };
    refused(EdwardsPoint::identity().compress().0, "the identity");
    for point in EIGHT_TORSION {
        refused(point.compress().0, "a low-order point");
    }
    let honest = CompressedEdwardsY(refused([0xff; 32], "no point").0).decompress().unwrap();
    for torsion in &EIGHT_TORSION[1..] {
        refused((honest + torsion).compress().0, "a point outside of the subgroup");
    }
    // y = 1 + p is another way to write y = 1, and 1 with the sign bit another way to write x = -0.
    let mut over = [0xff; 32];
    (over[0], over[31]) = (0xee, 0x7f);
    refused(over, "an encoding that is not canonical");
    let mut signed = EdwardsPoint::identity().compress().0;
    signed[31] |= 0x80;
    refused(signed, "a sign where there is none");
}

#[test]
fn case_22_the_confirmation_of_the_other_direction_proves_nothing() {
    let right = code("zoo abandon lens");
    let (joining, hello) = Joiner::start(&right, &ends());
    let (hosting, answer) = Host::start(Some(&right), &ends());
    let (doubting, confirm) = joining.finish(&answer).unwrap();
    assert!(!doubting.believes(&confirm), "its own, echoed");
    let (_, other) = Host::start(Some(&right), &ends());
    let asking = hosting.finish(&hello).unwrap();
    assert!(asking.judge(&Confirmation(other.0)).is_none());
}

#[test]
fn ten_thousand_wrong_codes_are_all_wrong() {
    let right = code("zoo abandon lens");
    let mut wrong = 0;
    while wrong < 10_000 {
        let guess = Code::generate().unwrap();
        if guess.normal() == right.normal() {
            continue;
        }
        assert_eq!(meet((&guess, ends()), (Some(&right), ends())), (false, false), "{}", guess.shown());
        wrong += 1;
    }
}
