use pchat::transfer::{
    manifest::{Builder, Manifest, Selection},
    record::{Control, Reader, Record, Wanted},
};

use super::take;

/// Any bytes as what a receiver wants of an offer.
///
/// The first two bytes of the input say how many files are offered and how long they are; what follows is the record.
pub fn resume(data: &[u8]) {
    let mut data = data;
    let (files, len) = (take(&mut data), take(&mut data));
    let manifest = offered(files, len);
    let Ok(Record::Control(Control::Want { selection, have, hash })) = Reader::new(data).take() else { return };
    let Ok(wanted) = Wanted::check(&selection, have, hash, &manifest) else { return };
    wanted.selection.check(&manifest).expect("what is taken was checked");
    assert_eq!(wanted.total, manifest.len_of(&wanted.selection));
    assert!(wanted.total <= manifest.total());
    let lens: u64 = manifest.paths().filter(|(index, ..)| wanted.selection.contains(*index)).map(|row| row.2.len).sum();
    assert_eq!(wanted.total, lens);
    match wanted.have {
        Some((claimed, proof)) => assert!((1..=wanted.total).contains(&claimed) && claimed == have && proof == hash),
        None => assert!(have == 0 || have > wanted.total),
    }
    match &wanted.selection {
        Selection::All => assert!(selection.is_empty() || selection[..] == wanted.selection.encode()),
        chosen => assert_eq!(chosen.encode(), selection),
    }
}

/// So many files in folders, of lengths from nothing to more than a chunk.
fn offered(files: u8, len: u8) -> Manifest {
    let mut builder = Builder::new();
    let mut open = false;
    for at in 0..files {
        if at % 16 == 0 {
            if open {
                builder.up().expect("a folder is open");
            }
            builder.folder(&format!("{at:03}")).expect("names ascend");
            open = true;
        }
        let name = format!("{at:03}");
        let len = u64::from(at % 5) * u64::from(len) * 9_000;
        let modified = pchat::transfer::manifest::Modified { secs: 0, nanos: 0 };
        let file = pchat::transfer::manifest::FileEntry { name: &name, len, modified, executable: false };
        builder.file(file).expect("names ascend");
    }
    if open {
        builder.up().expect("a folder is open");
    }
    builder.finish().expect("it is whole")
}
