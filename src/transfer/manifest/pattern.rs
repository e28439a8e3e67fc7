//! From the patterns that a person types to a selection.

use globset::{Glob, GlobBuilder, GlobSet, GlobSetBuilder};
use rustc_hash::FxHashSet;

use super::{Entry, MAX_RUNS, Manifest, Selection, paths::Trail};

/// Why patterns select nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Not a pattern.
    #[error("`{pattern}` is not a pattern: {reason}")]
    Pattern {
        /// What was typed.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No file is meant.
    #[error("no file in there matches {0}")]
    NoMatch(String),
    /// The files that are meant are in too many pieces.
    #[error(
        "the files that match are in {found} pieces of the list, where {MAX_RUNS} are allowed; match more or fewer"
    )]
    Runs {
        /// How many.
        found: usize,
    },
}

impl Selection {
    /// The files that any of the patterns means.
    ///
    /// `*` means any characters of a name, `?` one of ASCII, `**` any folders, `[a-z]` one of some characters, `{a,b}` one
    /// of some words. A pattern without `/` means every file and folder of that name, at any depth; one with `/` means that path,
    /// from the top of the offer. A `/` at the end means a folder. What means a folder means all that is in it. Upper
    /// and lower case differ. What is typed exactly as it is called is found too, whatever characters it has.
    ///
    /// Matching takes time in proportion to the names, whatever they and the patterns are: a second or more if somebody
    /// made the greatest manifest with the longest paths, so the place for it is a thread that may block.
    ///
    /// # Errors
    ///
    /// See [`PatternError`].
    pub fn matching<P: AsRef<str>>(manifest: &Manifest, patterns: &[P]) -> Result<Self, PatternError> {
        let wanted = Wanted::new(patterns)?;
        let mut runs: Vec<(u32, u32)> = Vec::new();
        let mut trail = Trail::default();
        // How many folders are open, and how many were when one was entered that is meant as a whole.
        let (mut depth, mut whole) = (0_usize, None);
        let mut index = 0;
        for entry in manifest.entries() {
            match entry {
                Entry::Folder { name } => {
                    if whole.is_none() && wanted.folder(name, trail.path(name)) {
                        whole = Some(depth);
                    }
                    trail.enter(name);
                    depth += 1;
                }
                Entry::Up => {
                    trail.leave();
                    depth = depth.saturating_sub(1);
                    whole = whole.filter(|at| *at < depth);
                }
                Entry::File(file) => {
                    if whole.is_some() || wanted.any.has(file.name, trail.path(file.name)) {
                        match runs.last_mut() {
                            Some((start, len)) if *start + *len == index => *len += 1,
                            _ => runs.push((index, 1)),
                        }
                    }
                    index += 1;
                }
            }
        }
        match runs.as_slice() {
            [] => {
                let patterns: Vec<_> = patterns.iter().map(|pattern| format!("`{}`", pattern.as_ref())).collect();
                Err(PatternError::NoMatch(patterns.join(" or ")))
            }
            [(0, len)] if *len == manifest.files() => Ok(Self::All),
            runs if runs.len() > MAX_RUNS => Err(PatternError::Runs { found: runs.len() }),
            _ => Ok(Self::Runs(runs)),
        }
    }
}

/// The patterns, by what they are compared with.
struct Wanted {
    /// Those for files and folders.
    any: Matcher,
    /// Those for folders alone.
    folders: Matcher,
}

impl Wanted {
    fn new<P: AsRef<str>>(patterns: &[P]) -> Result<Self, PatternError> {
        let (mut any, mut folders) = (Parts::default(), Parts::default());
        for typed in patterns {
            let typed = typed.as_ref();
            let bare = typed.strip_suffix('/');
            let parts = if bare.is_some() { &mut folders } else { &mut any };
            let text = bare.unwrap_or(typed);
            let from_top = text.strip_prefix("./").or_else(|| text.strip_prefix('/'));
            let text = from_top.unwrap_or(text);
            if text.is_empty() {
                return Err(PatternError::Pattern { pattern: typed.to_owned(), reason: "it is empty".to_owned() });
            }
            let refused = |error: globset::Error| PatternError::Pattern {
                pattern: typed.to_owned(),
                reason: error.kind().to_string(),
            };
            let glob = glob(text).map_err(refused)?;
            let path = from_top.is_some() || text.contains('/');
            let (globs, words) = if path {
                (&mut parts.paths, &mut parts.path_words)
            } else {
                (&mut parts.names, &mut parts.name_words)
            };
            globs.push(glob);
            words.insert(text.to_owned());
        }
        Ok(Self { any: any.build()?, folders: folders.build()? })
    }

    fn folder(&self, name: &str, path: &str) -> bool {
        self.any.has(name, path) || self.folders.has(name, path)
    }
}

fn glob(text: &str) -> Result<Glob, globset::Error> {
    // `[` without `]` stands for itself: names with it are frequent.
    GlobBuilder::new(text).literal_separator(true).backslash_escape(true).allow_unclosed_class(true).build()
}

#[derive(Default)]
struct Parts {
    names: Vec<Glob>,
    paths: Vec<Glob>,
    name_words: FxHashSet<String>,
    path_words: FxHashSet<String>,
}

impl Parts {
    fn build(self) -> Result<Matcher, PatternError> {
        let set = |globs: Vec<Glob>| {
            let mut builder = GlobSetBuilder::new();
            let all = globs.iter().map(Glob::glob).collect::<Vec<_>>().join(" ");
            for glob in globs {
                builder.add(glob);
            }
            // All of them alone are sound: together they can be too large.
            builder.build().map_err(|error| PatternError::Pattern { pattern: all, reason: error.kind().to_string() })
        };
        Ok(Matcher {
            names: set(self.names)?,
            paths: set(self.paths)?,
            name_words: self.name_words,
            path_words: self.path_words,
        })
    }
}

struct Matcher {
    names: GlobSet,
    paths: GlobSet,
    name_words: FxHashSet<String>,
    path_words: FxHashSet<String>,
}

impl Matcher {
    fn has(&self, name: &str, path: &str) -> bool {
        let by_name = !self.name_words.is_empty() && (self.name_words.contains(name) || self.names.is_match(name));
        by_name || (!self.path_words.is_empty() && (self.path_words.contains(path) || self.paths.is_match(path)))
    }
}
