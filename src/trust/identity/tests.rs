use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};

use super::super::scratch::Scratch;
use super::*;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn write(path: &Path, content: &[u8], mode: u32) {
    fs::write(path, content).unwrap();
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Nothing but the file itself is in its folder.
fn is_alone(path: &Path) -> bool {
    fs::read_dir(folder_of(path)).unwrap().count() == 1
}

#[test]
fn the_first_start_makes_an_identity_that_later_ones_find() {
    let scratch = Scratch::new();
    let path = scratch.join("a/b/identity.pem");
    let made = Identity::load_or_create(&path).unwrap();
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(folder_of(&path)), 0o700);
    assert!(is_alone(&path));
    let content = fs::read(&path).unwrap();
    assert_eq!(Identity::load_or_create(&path).unwrap().public_key(), made.public_key());
    assert_eq!(fs::read(&path).unwrap(), content);
    assert_ne!(Identity::load_or_create(&scratch.join("other")).unwrap().public_key(), made.public_key());
}

#[test]
fn the_signing_key_belongs_to_the_public_key() {
    let identity = Identity::generate().unwrap();
    let signing_key = identity.signing_key();
    let spki = signing_key.public_key().unwrap();
    assert!(spki.as_ref().ends_with(&identity.public_key().0));
}

#[test]
fn first_starts_at_the_same_time_agree_on_one_key() {
    let scratch = Scratch::new();
    let path = scratch.join("a/identity.pem");
    let start = std::sync::Barrier::new(8);
    let keys: Vec<_> = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    Identity::load_or_create(&path).unwrap().public_key()
                })
            })
            .collect();
        starts.into_iter().map(|start| start.join().unwrap()).collect()
    });
    assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
    assert!(is_alone(&path));
}

#[test]
fn case_34_an_unusable_file_is_refused_with_advice_and_left_as_it_is() {
    let scratch = Scratch::new();
    let good = to_pem(&new_pkcs8().unwrap());
    let other_kind = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap().to_pkcs8v1().unwrap();
    let other_kind = to_pem(&PrivatePkcs8KeyDer::from(other_kind.as_ref().to_vec()));
    let short = &good[..good.len() - 30];
    let public = good.replace("PRIVATE", "PUBLIC");
    let cases: [(&str, &[u8], u32, &str); 9] = [
        ("empty", b"", 0o600, "is empty; restore it from a copy, or move it away"),
        ("garbage", &[0xff; 200], 0o600, "holds no key; restore"),
        ("zeros", &[0; 200], 0o600, "holds no key; restore"),
        ("cut", short.as_bytes(), 0o600, "holds no key; restore"),
        ("public", public.as_bytes(), 0o600, "holds no key; restore"),
        ("kind", other_kind.as_bytes(), 0o600, "is not an Ed25519 key; restore"),
        ("world", good.as_bytes(), 0o604, "(mode 604); run `chmod 600`"),
        ("group", good.as_bytes(), 0o640, "(mode 640); run `chmod 600`"),
        ("writable", good.as_bytes(), 0o620, "(mode 620); run `chmod 600`"),
    ];
    for (name, content, mode, advice) in cases {
        let path = scratch.join(name);
        write(&path, content, mode);
        let error = Identity::load_or_create(&path).expect_err(name).to_string();
        assert!(error.contains(advice) && error.contains(&path.display().to_string()), "{name}: {error}");
        assert_eq!(fs::read(&path).unwrap(), content, "{name}");
    }
}

#[test]
fn case_34_a_symlink_a_folder_and_a_fifo_are_refused() {
    let scratch = Scratch::new();
    let real = scratch.join("real");
    Identity::load_or_create(&real).unwrap();
    symlink(&real, scratch.join("link")).unwrap();
    symlink(scratch.join("nothing"), scratch.join("dangling")).unwrap();
    fs::create_dir(scratch.join("folder")).unwrap();
    // macOS has no mknodat.
    #[cfg(target_os = "linux")]
    rustix::fs::mknodat(CWD, scratch.join("fifo"), rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0).unwrap();
    for name in ["link", "dangling"] {
        assert!(matches!(Identity::load_or_create(&scratch.join(name)), Err(IdentityError::Symlink(_))), "{name}");
    }
    for name in [
        "folder",
        #[cfg(target_os = "linux")]
        "fifo",
    ] {
        assert!(matches!(Identity::load_or_create(&scratch.join(name)), Err(IdentityError::NotAFile(_))), "{name}");
    }
    assert!(!scratch.join("nothing").exists());
}

#[test]
fn case_135_an_identity_that_cannot_be_saved_is_an_error() {
    let scratch = Scratch::new();
    write(&scratch.join("file"), b"", 0o600);
    let error = Identity::load_or_create(&scratch.join("file/identity.pem")).unwrap_err().to_string();
    assert!(error.starts_with("could not ") && error.contains("file"), "{error}");
}

#[test]
fn debug_output_does_not_show_the_secret() {
    let scratch = Scratch::new();
    let path = scratch.join("identity.pem");
    let identity = Identity::load_or_create(&path).unwrap();
    assert_eq!(format!("{identity:?}"), format!("Identity {{ public_key: {:?}, .. }}", identity.public_key()));
}
