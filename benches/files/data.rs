//! What is sent, and whether it arrived.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use crate::support;

/// Bytes that are read or compared at once.
const STEP: usize = 1 << 20;

/// Where files are: a folder of its own, in memory where there is such a place, removed at the end.
pub struct Space(PathBuf);

impl Space {
    /// A new empty folder.
    pub fn new() -> io::Result<Self> {
        let memory = Path::new("/dev/shm");
        let default = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let parent: PathBuf = support::option("--dir").unwrap_or(default);
        let path = parent.join(format!("pchat-bench-{}", std::process::id()));
        fs::create_dir(&path)?;
        Ok(Self(path))
    }

    /// Something in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// A file of random bytes.
    pub fn file(&self, name: &str, len: usize) -> io::Result<PathBuf> {
        let path = self.path(name);
        fill(&path, len)?;
        Ok(path)
    }

    /// A folder with `files` files of `len` random bytes each, whose names have `name_len` bytes.
    pub fn folder(&self, name: &str, files: usize, len: usize, name_len: usize) -> io::Result<PathBuf> {
        let path = self.path(name);
        fs::create_dir(&path)?;
        for index in 0..files {
            fill(&path.join(format!("{index:0>name_len$}")), len)?;
        }
        Ok(path)
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn fill(path: &Path, len: usize) -> io::Result<()> {
    let mut file = File::create(path)?;
    let mut bytes = vec![0; len.min(STEP)];
    let mut left = len;
    while left > 0 {
        let now = left.min(STEP);
        aws_lc_rs::rand::fill(&mut bytes[..now]).map_err(io::Error::other)?;
        file.write_all(&bytes[..now])?;
        left -= now;
    }
    Ok(())
}

/// Compares two files, or two folders of files, and removes the second one.
pub fn compare_and_remove(sent: &Path, got: &Path) -> io::Result<()> {
    if sent.is_file() {
        assert!(same(sent, got)?, "{} differs from {}", got.display(), sent.display());
        return fs::remove_file(got);
    }
    let mut names: Vec<_> = fs::read_dir(sent)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<_>>()?;
    assert_eq!(fs::read_dir(got)?.count(), names.len(), "{} has another number of files", got.display());
    names.sort();
    for name in names {
        assert!(same(&sent.join(&name), &got.join(&name))?, "{} differs", got.join(&name).display());
    }
    fs::remove_dir_all(got)
}

fn same(one: &Path, other: &Path) -> io::Result<bool> {
    let (mut one, mut other) = (File::open(one)?, File::open(other)?);
    let mut left = one.metadata()?.len();
    if other.metadata()?.len() != left {
        return Ok(false);
    }
    let step = left.min(STEP as u64) as usize;
    let mut bytes = (vec![0; step], vec![0; step]);
    while left > 0 {
        let now = left.min(step as u64) as usize;
        one.read_exact(&mut bytes.0[..now])?;
        other.read_exact(&mut bytes.1[..now])?;
        if bytes.0[..now] != bytes.1[..now] {
            return Ok(false);
        }
        left -= now as u64;
    }
    Ok(true)
}
