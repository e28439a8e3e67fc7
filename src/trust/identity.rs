//! The long-term key pair that says who this person is, and its file.

use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use data_encoding::BASE64;
use rustix::fs::{FileType, RawMode};
use rustls::crypto::aws_lc_rs::sign::{any_eddsa_type, any_supported_type};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::SigningKey;

use super::file::{
    FileError, create_private_dir, discard, folder_of, io_error, sync_folder, sync_names, write_temporary,
};
use crate::disk::{self, CWD, Errno, Mode, OFlags, Stat};
use crate::wire::PublicKey;

/// Longest identity file that is read, in bytes; ours has 119.
const MAX_FILE_LEN: usize = 16 * 1024;

/// Until what age of the file it may not have reached the disk, in seconds: whoever made it was stopped perhaps, and the
/// system brings everything there within half a minute by itself.
const YOUNG: i64 = 120;

/// Rights that nobody but the owner may have.
const OTHERS: RawMode = 0o077;

/// Why there is no identity. Each text says what to do; pchat never replaces an identity by itself, because
/// everybody who knows the old one would take this person for a stranger.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The file has no content.
    #[error("the identity file {} is empty; restore it from a copy, or move it away to get a new identity, which nobody knows yet", .0.display())]
    Empty(PathBuf),
    /// The file does not hold a key.
    #[error("the identity file {} holds no key; restore it from a copy, or move it away to get a new identity, which nobody knows yet", .0.display())]
    Garbage(PathBuf),
    /// The key is of another kind.
    #[error("the key in {} is not an Ed25519 key; restore the right one from a copy, or move it away to get a new identity, which nobody knows yet", .0.display())]
    Kind(PathBuf),
    /// Others may read or write the file.
    #[error("others may use the identity file {} (mode {mode:03o}); run `chmod 600` on it, or, if somebody may have read it, move it away to get a new identity", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: RawMode,
    },
    /// The file is a symbolic link.
    #[error("the identity file {} is a symbolic link; put the file itself there", .0.display())]
    Symlink(PathBuf),
    /// It is a folder or a device.
    #[error("the identity file {} is not a file; restore it from a copy, or move it away to get a new identity, which nobody knows yet", .0.display())]
    NotAFile(PathBuf),
    /// No key could be made.
    #[error("could not make a key: the system gives no random numbers")]
    Random,
    /// The system refuses.
    #[error(transparent)]
    File(#[from] FileError),
}

/// A person's Ed25519 key pair.
#[derive(Clone)]
pub struct Identity {
    signing_key: Arc<dyn SigningKey>,
    public_key: PublicKey,
}

impl Identity {
    /// A new identity that is in no file.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Random`] if the system gives no random numbers.
    pub fn generate() -> Result<Self, IdentityError> {
        Self::from_pkcs8(&new_pkcs8()?).ok_or(IdentityError::Random)
    }

    /// The identity in a file; makes both at the first start. Two first starts at the same time agree on one.
    ///
    /// # Errors
    ///
    /// If the file is there and not usable, or could not be read or made.
    pub fn load_or_create(path: &Path) -> Result<Self, IdentityError> {
        if let Some((identity, about)) = Self::read(path)? {
            if is_young(&about) {
                keep(path)?;
            }
            return Ok(identity);
        }
        create_private_dir(folder_of(path))?;
        let pem = to_pem(&new_pkcs8()?);
        let temporary = write_temporary(path, pem.as_bytes())?;
        let placed = place(&temporary, path);
        discard(&temporary);
        match placed {
            // Whoever was first, the file decides.
            Ok(()) | Err(Errno::EXIST) => keep(path)?,
            Err(errno) => return Err(io_error("create", path)(errno).into()),
        }
        let missing = || io_error("read", path)(io::Error::from(io::ErrorKind::NotFound)).into();
        Self::load(path)?.ok_or_else(missing)
    }

    /// The identity in a file, nothing if there is no file.
    ///
    /// # Errors
    ///
    /// If the file is there and not usable, or could not be read.
    pub fn load(path: &Path) -> Result<Option<Self>, IdentityError> {
        Ok(Self::read(path)?.map(|(identity, _)| identity))
    }

    fn read(path: &Path) -> Result<Option<(Self, Stat)>, IdentityError> {
        // Opening a FIFO waits for its other end unless told not to.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let file = match disk::open(CWD, path, flags, Mode::empty()) {
            Ok(file) => file,
            Err(Errno::NOENT) => return Ok(None),
            Err(_) if path.is_symlink() => return Err(IdentityError::Symlink(path.to_owned())),
            Err(errno) => return Err(io_error("open", path)(errno).into()),
        };
        let about = check_kind_and_mode(&file, path)?;
        let pem = disk::read_all(&file, MAX_FILE_LEN).map_err(io_error("read", path))?;
        if pem.is_empty() {
            return Err(IdentityError::Empty(path.to_owned()));
        }
        let der = PrivateKeyDer::from_pem_slice(&pem).map_err(|_| IdentityError::Garbage(path.to_owned()))?;
        let identity = match &der {
            PrivateKeyDer::Pkcs8(pkcs8) => Self::from_pkcs8(pkcs8),
            _ => None,
        };
        match identity {
            Some(identity) => Ok(Some((identity, about))),
            None if any_supported_type(&der).is_ok() => Err(IdentityError::Kind(path.to_owned())),
            None => Err(IdentityError::Garbage(path.to_owned())),
        }
    }

    fn from_pkcs8(der: &PrivatePkcs8KeyDer<'_>) -> Option<Self> {
        let pair = Ed25519KeyPair::from_pkcs8(der.secret_pkcs8_der()).ok()?;
        let public_key = PublicKey(pair.public_key().as_ref().try_into().ok()?);
        Some(Self { signing_key: any_eddsa_type(der).ok()?, public_key })
    }

    /// Who this person is.
    pub fn public_key(&self) -> PublicKey {
        self.public_key
    }

    /// The secret half, in the form that a TLS handshake uses.
    pub fn signing_key(&self) -> Arc<dyn SigningKey> {
        Arc::clone(&self.signing_key)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("public_key", &self.public_key).finish_non_exhaustive()
    }
}

fn check_kind_and_mode(file: &OwnedFd, path: &Path) -> Result<Stat, IdentityError> {
    let about = disk::look_at(file).map_err(io_error("read", path))?;
    if FileType::from_raw_mode(about.st_mode) != FileType::RegularFile {
        return Err(IdentityError::NotAFile(path.to_owned()));
    }
    let mode = about.st_mode & 0o777;
    if mode & OTHERS != 0 {
        return Err(IdentityError::Exposed { path: path.to_owned(), mode });
    }
    Ok(about)
}

fn is_young(about: &Stat) -> bool {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_secs()).unwrap_or(i64::MAX).saturating_sub(about.st_ctime) < YOUNG
}

/// Brings the name of the file and those of the folders above it to the disk, before anybody is told of the identity: one
/// that were gone after a power failure would be followed by another.
fn keep(path: &Path) -> Result<(), FileError> {
    sync_folder(path)?;
    // Of those, which are as old as the system perhaps and not to be read, the ones that got a name just now.
    let got_a_name = |above: &&Path| disk::look(CWD, above).is_ok_and(|about| is_young(&about));
    for above in folder_of(path).ancestors().skip(1).filter(got_a_name) {
        if let Err(error) = sync_names(above) {
            tracing::debug!(path = %above.display(), %error, "could not bring a folder to the disk");
        }
    }
    Ok(())
}

fn new_pkcs8() -> Result<PrivatePkcs8KeyDer<'static>, IdentityError> {
    let pair = Ed25519KeyPair::generate().map_err(|_| IdentityError::Random)?;
    // Version 1, which every tool reads; version 2 adds the public key.
    let document = pair.to_pkcs8v1().map_err(|_| IdentityError::Random)?;
    Ok(PrivatePkcs8KeyDer::from(document.as_ref().to_vec()))
}

fn to_pem(der: &PrivatePkcs8KeyDer<'_>) -> String {
    // The document has 48 bytes: one line of base64.
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", BASE64.encode(der.secret_pkcs8_der()))
}

/// Gives a finished file its name unless the name is taken.
fn place(temporary: &Path, path: &Path) -> disk::Result<()> {
    match disk::link(CWD, temporary, CWD, path) {
        // Some file systems know no links.
        Err(errno) if errno != Errno::EXIST => disk::rename_new(CWD, temporary, CWD, path),
        done => done,
    }
}

#[cfg(test)]
mod tests;
