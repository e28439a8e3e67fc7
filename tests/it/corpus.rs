//! Every input of `fuzz/corpus`, checked as the fuzz targets check it.

#[path = "../../fuzz/src/lib.rs"]
mod checks;

use std::{
    collections::BTreeSet,
    fs, panic,
    path::{Path, PathBuf},
};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(name)
}

fn names_in(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn every_target_has_a_file_and_a_corpus_and_every_corpus_a_target() {
    let targets: BTreeSet<String> = checks::TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let files = targets.iter().map(|name| format!("{name}.rs")).collect();
    assert_eq!(names_in(&folder("fuzz_targets")), files);
    assert_eq!(names_in(&folder("corpus")), targets);
    for target in &targets {
        assert!(names_in(&folder("corpus").join(target)).len() >= 10, "{target} has next to no corpus");
    }
}

fn replay(target: &str) {
    let (_, check) = checks::TARGETS.iter().find(|(name, _)| *name == target).unwrap();
    let folder = folder("corpus").join(target);
    let failed: Vec<_> = names_in(&folder)
        .into_iter()
        .filter(|name| {
            let input = fs::read(folder.join(name)).unwrap();
            panic::catch_unwind(|| check(&input)).is_err()
        })
        .collect();
    assert!(failed.is_empty(), "inputs of {target} that fail: {failed:?}");
}

macro_rules! replayed {
    ($($test:ident: $target:literal),* $(,)?) => {
        $(#[test] fn $test() { replay($target); })*

        #[test]
        fn every_target_is_replayed() {
            let replayed: BTreeSet<&str> = [$($target),*].into();
            assert_eq!(replayed, checks::TARGETS.iter().map(|(name, _)| *name).collect());
        }
    };
}

replayed! {
    no_text_is_a_code_by_accident_and_no_bytes_prove_one: "code",
    lists_of_any_content_are_read_or_refused: "files",
    no_text_gets_through_the_filter_or_over_the_edge: "filter",
    frames_in_any_pieces_are_the_same_frames: "frame",
    no_stranger_and_no_room_breaks_the_other_end: "handshake",
    any_listing_is_read_or_refused_and_leads_nowhere_else: "manifest",
    names_and_addresses_have_one_form: "names",
    no_received_name_leads_elsewhere_or_misleads: "received_name",
    offers_and_reports_are_shown_filtered_or_refused: "offer",
    records_in_any_pieces_are_the_same_records: "records",
    whatever_is_wanted_lies_within_what_is_offered: "resume",
    any_line_is_read_and_completed: "words",
}
