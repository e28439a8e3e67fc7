use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn top(name: &str) -> String {
    received(name, Place::Top).unwrap_or_else(|error| panic!("{name:?}: {error}")).as_str().to_owned()
}

fn inside(name: &str) -> String {
    received(name, Place::Inside).unwrap_or_else(|error| panic!("{name:?}: {error}")).as_str().to_owned()
}

/// What must hold of every name that is kept, said without the code that makes it so.
fn judge(name: &str, place: Place) {
    assert!((1..=MAX_LEN).contains(&name.len()), "{name:?}");
    assert!(!matches!(name, "." | ".."));
    let forbidden = |c: char| {
        c.is_control()
            || "<>:\"/\\|?*".contains(c)
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
                | '\u{e0000}'..='\u{e0fff}')
    };
    assert!(!name.contains(forbidden), "{name:?}");
    assert!(!name.ends_with(['.', ' ']) && !name.starts_with([' ', '-', '~']), "{name:?}");
    assert!(place == Place::Inside || !name.starts_with('.'), "{name:?}");
    let stem = name.split('.').next().unwrap().trim_end_matches(' ').to_uppercase();
    let devices = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"];
    assert!(!devices.contains(&&*stem), "{name:?}");
    let digits = "123456789¹²³";
    let port = stem.strip_prefix("COM").or(stem.strip_prefix("LPT"));
    assert!(!port.is_some_and(|port| port.chars().count() == 1 && digits.contains(port)), "{name:?}");
    assert!(name.nfc().eq(name.chars()), "{name:?}");
}

fn check(name: &str, place: Place) {
    let Ok(safe) = received(name, place) else { return };
    judge(safe.as_str(), place);
    let again = received(safe.as_str(), place).unwrap();
    assert_eq!(again, SafeName { name: safe.as_str().to_owned(), changed: false }, "{name:?}");
    assert_eq!(safe.changed(), !name.nfc().eq(safe.as_str().chars()), "{name:?}");
    for number in [1, 99, u32::MAX] {
        let numbered = safe.numbered(number);
        judge(numbered.as_str(), place);
        assert_ne!(numbered.folded(), safe.folded());
        assert_eq!(received(numbered.as_str(), place).unwrap().as_str(), numbered.as_str());
    }
}

#[test]
fn case_083_names_that_lead_elsewhere_are_refused() {
    let paths =
        ["../x", "/etc/passwd", "a/../../x", "..", ".", "//host/share", "\\\\?\\x", "a\\..\\..\\x", "/", "a/", "\\"];
    for place in [Place::Top, Place::Inside] {
        for path in paths {
            assert_eq!(received(path, place), Err(NameError::Path), "{path:?}");
        }
        // A stream of a file with a name of one letter looks the same as a drive.
        for drive in ["C:x", "c:", "x:stream"] {
            assert_eq!(received(drive, place), Err(NameError::Drive), "{drive:?}");
        }
        assert_eq!(received("C:\\x", place), Err(NameError::Path));
        assert_eq!(received("", place), Err(NameError::Empty));
        assert_eq!(received("a\0b", place), Err(NameError::Nul));
    }
}

#[test]
fn case_084_awkward_names_are_cleaned_and_it_is_told() {
    let cleaned = [
        ("~", "_"),
        ("~root", "_root"),
        ("-rf", "_rf"),
        (" name", "name"),
        ("name ", "name"),
        ("name.", "name"),
        ("name. . ", "name"),
        ("*", "_"),
        ("a\"b", "a_b"),
        ("a\nb", "a_b"),
        ("\u{1b}[2J", "_[2J"),
        ("photo\u{202e}gpj.exe", "photogpj.exe"),
        (" \u{200b}-rf", "_rf"),
        ("\u{200b}", "_"),
        (".\u{200b}.", "_"),
        ("...", "_"),
        ("a\u{e000}b", "a_b"),
        ("tab\tname", "tab_name"),
    ];
    for (name, expected) in cleaned {
        for place in [Place::Top, Place::Inside] {
            let safe = received(name, place).unwrap();
            assert_eq!(safe.as_str(), expected, "{name:?}");
            assert!(safe.changed(), "{name:?}");
            check(name, place);
        }
    }
    for name in ["$HOME", "it's", "a b.txt", "файл.txt", "李雷.jpg", "a#b%c&d;e", "☃.png", "a-b~c", "x.tar.gz"]
    {
        let safe = received(name, Place::Top).unwrap();
        assert_eq!((safe.as_str(), safe.changed()), (name, false));
    }
}

#[test]
fn case_085_names_of_devices_are_prefixed() {
    for name in ["CON", "nul.txt", "COM¹", "CON .txt", "lpt9.tar.gz", "CONIN$", "conout$.x", "prn", "com³ .a", "Aux"]
    {
        assert_eq!(top(name), format!("_{name}"));
        assert_eq!(inside(name), format!("_{name}"));
    }
    assert_eq!(top("aux."), "_aux");
    assert_eq!(top("notes.txt:stream"), "notes.txt_stream");
    for name in ["CONS", "COM", "COM0", "COM10", "console.txt", "nul-1", "a.con", "lpt"] {
        assert_eq!(top(name), name);
    }
}

#[test]
fn case_086_long_names_are_shortened_and_keep_their_extension() {
    let of = |len: usize, end: &str| format!("{}{end}", "n".repeat(len - end.len()));
    assert_eq!(top(&of(255, ".txt")), of(255, ".txt"));
    assert_eq!(top(&of(256, ".txt")), of(255, ".txt"));
    assert_eq!(top(&of(10_000, ".tar.gz")), of(255, ".tar.gz"));
    assert_eq!(top(&of(300, "")), of(255, ""));
    // A device's name grows by its prefix.
    let device = format!("CON.{}.txt", "n".repeat(247));
    assert_eq!(device.len(), 255);
    assert!(top(&device).starts_with("_CON.n") && top(&device).ends_with("n.txt") && top(&device).len() == 255);
    let wide = format!("{}.jpg", "李".repeat(200));
    assert!(top(&wide).ends_with("李.jpg") && top(&wide).len() <= 255);
    assert_eq!(top(&format!("{}. .{}", "n".repeat(253), "m".repeat(100))), "n".repeat(253));
    for name in [of(255, ".txt"), of(255, ".tar.gz"), wide, of(255, "")] {
        let safe = received(&name, Place::Top).unwrap();
        assert!(safe.numbered(1).as_str().len() <= 255);
        check(&name, Place::Top);
    }
}

#[test]
fn case_088_nothing_hidden_and_nothing_read_by_itself_comes_to_the_top() {
    for (name, expected) in [
        (".bashrc", "_bashrc"),
        (".ssh", "_ssh"),
        (".git", "_git"),
        ("..x", "_.x"),
        ("desktop.ini", "_desktop.ini"),
        ("AUTORUN.INF", "_AUTORUN.INF"),
        ("Thumbs.db", "_Thumbs.db"),
        ("Thumbs.db. ", "_Thumbs.db"),
    ] {
        assert_eq!(top(name), expected);
    }
    for name in [".gitignore", ".github", "..x", "desktop.ini"] {
        assert_eq!(inside(name), name);
    }
}

#[test]
fn case_090_names_that_some_systems_take_for_one_fold_to_one() {
    for (one, other) in [
        ("Readme.TXT", "README.txt"),
        ("caf\u{e9}", "CAFE\u{301}"),
        ("stra\u{df}e", "STRASSE"),
        ("ΟΔΟΣ", "οδος"),
        ("ΟΔΟΣ", "οδοσ"),
        ("\u{212a}elvin", "kelvin"),
    ] {
        let folded = |name| received(name, Place::Inside).unwrap().folded().into_owned();
        assert_eq!(folded(one), folded(other), "{one} {other}");
    }
    let decomposed = received("cafe\u{301}", Place::Inside).unwrap();
    assert_eq!(decomposed.as_str(), "caf\u{e9}");
    assert!(!decomposed.changed(), "nobody sees the difference");
}

#[test]
fn numbers_stand_before_the_extension() {
    for (name, expected) in [
        ("a.txt", "a (1).txt"),
        ("a.tar.gz", "a (1).tar.gz"),
        ("a.TAR.xz", "a (1).TAR.xz"),
        ("a", "a (1)"),
        ("v1.2 of Mr. Smith", "v1.2 of Mr. Smith (1)"),
        (".gitignore", ".gitignore (1)"),
        ("a .b", "a (1).b"),
        ("x.tar", "x (1).tar"),
        ("tar.gz", "tar (1).gz"),
    ] {
        assert_eq!(received(name, Place::Inside).unwrap().numbered(1).as_str(), expected);
    }
}

/// Pieces that names are made trouble of.
const PIECES: &[&str] = &[
    "a",
    "B",
    "con",
    "COM",
    "nul",
    "1",
    "¹",
    ".",
    ".",
    " ",
    " ",
    "-",
    "~",
    "/",
    "\\",
    ":",
    "*",
    "\"",
    "\0",
    "\n",
    "\u{1b}",
    "\u{202e}",
    "\u{200b}",
    "\u{200d}",
    "\u{feff}",
    "\u{301}",
    "e",
    "\u{338}",
    "<",
    "=",
    "\u{df}",
    "\u{130}",
    "\u{3a3}",
    "\u{345}",
    "\u{1f468}",
    "\u{fe0f}",
    "\u{a0}",
    "\u{3000}",
    "\u{e000}",
    "\u{1100}",
    "\u{1161}",
    "\u{ac00}",
    "\u{11a8}",
    ".tar",
    ".gz",
    ".txt",
    "desktop.ini",
    "$",
    "李",
    "\u{85}",
    "\u{2028}",
    "\u{fb1d}",
    "\u{958}",
    "\u{1e9b}",
    "\u{323}",
    "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn",
];

#[test]
fn a_million_names_stay_in_their_folder() {
    // A generator of its own: proptest takes minutes for as many. What fails is printed whole.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let mut name = String::new();
    let mut kept = BTreeSet::new();
    for round in 0..1_000_000 {
        name.clear();
        for _ in 0..=next(6) {
            name.push_str(PIECES[next(PIECES.len())]);
        }
        let place = if round % 2 == 0 { Place::Top } else { Place::Inside };
        let Ok(safe) = received(&name, place) else { continue };
        // Every name is looked at closely once; most come again and again.
        if kept.len() < 20_000 && kept.insert(safe.as_str().to_owned()) {
            check(&name, place);
        }
        let bytes = safe.as_str().as_bytes();
        assert!(!bytes.is_empty() && bytes.len() <= MAX_LEN, "{name:?}");
        assert!(!bytes.iter().any(|byte| byte.is_ascii_control() || b"<>:\"/\\|?*".contains(byte)), "{name:?}");
        assert!(!matches!(bytes, b"." | b"..") && !bytes.ends_with(b".") && !bytes.ends_with(b" "), "{name:?}");
    }
    assert!(kept.len() > 10_000);
}

proptest! {
    #[test]
    fn any_name_is_refused_or_safe(name in any::<String>(), long in 0..4_usize) {
        check(&name, Place::Top);
        check(&name.repeat(1 << (2 * long)), Place::Inside);
    }

    #[test]
    fn trouble_in_any_order_is_refused_or_safe(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..12)) {
        let name = pieces.concat();
        check(&name, Place::Top);
        check(&name, Place::Inside);
    }
}
