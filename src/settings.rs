//! What a person has set: on the command line, in a file for good, and while talking.
//!
//! The flags of the ways into a room are the one declaration of what can be set: a key of the file is the long name of a
//! flag, its values are what the flag takes, and what the file says is the flag's default from then on. So a flag on the
//! command line wins, `--help` shows what counts, and whoever adds a flag has added a setting.

mod file;
mod grammar;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use clap::{ArgMatches, Command, FromArgMatches, parser::ValueSource};

use crate::trust::FileError;

/// The heading under which the help shows the flags that are no settings: what they say is about one start, and would be
/// a trap as a default.
pub const ONCE: &str = "Only this time";

/// The ways into a room: their flags are the settings, and the file may have a table for each.
pub const WAYS: [&str; 2] = ["host", "join"];

/// What is wrong with the settings.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file says something that cannot be.
    #[error("{}, line {line}: {reason}", path.display())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong there.
        reason: String,
    },
    /// Somebody else could have written the file.
    #[error("{0} can be written by others, who could set what they like for you; `chmod go-w {0}`, and make it yours", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A value or a key that cannot be.
    #[error("{0}")]
    Misfit(String),
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said anything.
    Default,
    /// The file.
    File,
    /// A flag.
    Flag,
}

/// One setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its name: that of the flag.
    pub key: String,
    /// The ways into a room that know it.
    pub ways: Vec<&'static str>,
    /// What it does.
    pub help: String,
    /// What fits, in a few words.
    pub fits: String,
    /// The words that fit, where they can be counted.
    pub words: Vec<String>,
    /// Whether it may have several values.
    pub many: bool,
    /// Whether its values are paths.
    pub path: bool,
    /// What it is if nobody says anything; empty if nothing is.
    pub preset: Vec<String>,
    /// What it is now.
    pub values: Vec<String>,
    /// Where that comes from.
    pub origin: Origin,
}

/// The settings of this program.
pub struct Settings {
    /// Where they are kept; nowhere if there is none.
    path: Option<PathBuf>,
    /// The ways into a room. It may check more than the program's own grammar does.
    grammar: Command,
    set: Vec<file::Entry>,
    /// What counts now, and for which way: what is in none of them has its default.
    now: Mutex<(&'static str, Values)>,
}

/// What somebody has set, by key.
type Values = BTreeMap<String, (Vec<String>, Origin)>;

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings").field("path", &self.path).field("entries", &self.set).finish_non_exhaustive()
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self { path: None, grammar: Command::new(""), set: Vec::new(), now: Mutex::default() }
    }
}

impl Settings {
    /// The settings that `grammar` declares, with what the file at `path` says of them.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, says something that cannot be, or could be written by others.
    pub fn open(path: PathBuf, grammar: Command) -> Result<Self, SettingsError> {
        let set = file::read(&path, &grammar)?;
        Ok(Self { path: Some(path), grammar, set, now: Mutex::default() })
    }

    /// All settings that a grammar declares, as they are if nobody says anything.
    pub fn declared(grammar: Command) -> Vec<Setting> {
        Self { grammar, ..Self::default() }.all()
    }

    /// Where they are kept, as it is told.
    pub fn place(&self) -> Option<String> {
        self.path.as_deref().map(file::shown)
    }

    /// The program's grammar with what the file says as defaults, also of subcommands that know the same flag.
    pub fn apply(&self, grammar: Command) -> Command {
        let Some(place) = self.place().filter(|_| !self.set.is_empty()) else { return grammar };
        let names: Vec<_> = grammar.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
        names.into_iter().fold(grammar, |grammar, name| {
            grammar.mut_subcommand(&name, |mut sub| {
                let known: Vec<_> = grammar::flags(&sub).cloned().collect();
                for arg in known {
                    let key = arg.get_long().unwrap_or_default();
                    let mut ways = grammar::ways(&self.grammar).filter_map(|(_, way)| grammar::flag(way, key));
                    let same = ways.any(|flag| flag.get_value_parser().type_id() == arg.get_value_parser().type_id());
                    if let Some(values) = self.set_for(&name, key).filter(|_| same) {
                        sub = sub.mut_arg(arg.get_id().clone(), |arg| grammar::with_default(arg, values, &place));
                    }
                }
                sub
            })
        })
    }

    /// What the file says about `key` for this subcommand.
    fn set_for(&self, way: &str, key: &str) -> Option<&[String]> {
        let found = |way: Option<&str>| self.set.iter().find(|entry| entry.key == key && entry.way == way);
        found(Some(way)).or_else(|| found(None)).map(|entry| &entry.values[..])
    }

    /// Takes over what counts from now on: what the file says, and the command line, for the way that it goes.
    pub fn start(&self, way: &'static str, line: &ArgMatches) {
        let mut now = Values::new();
        for key in grammar::keys(&self.grammar, None) {
            if let Some(values) = self.set_for(way, &key) {
                now.insert(key.clone(), (values.to_vec(), Origin::File));
            }
            let flag = self.grammar.find_subcommand(way).and_then(|way| grammar::flag(way, &key));
            let Some(id) = flag.map(|flag| flag.get_id().as_str()) else { continue };
            if line.value_source(id) == Some(ValueSource::CommandLine) {
                let words = line.get_raw(id).into_iter().flatten().map(|word| word.to_string_lossy().into_owned());
                let words: Vec<_> = words.collect();
                // A switch is there, and that is all that it says.
                let words = if words.is_empty() { vec!["true".to_owned()] } else { words };
                now.insert(key, (words, Origin::Flag));
            }
        }
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = (way, now);
    }

    /// The names of all settings, in order.
    pub fn keys(&self) -> Vec<String> {
        grammar::keys(&self.grammar, None)
    }

    /// All settings, by name.
    pub fn all(&self) -> Vec<Setting> {
        self.keys().iter().filter_map(|key| self.get(key).ok()).collect()
    }

    /// One setting.
    ///
    /// # Errors
    ///
    /// If none is called so; the nearest name is told.
    pub fn get(&self, key: &str) -> Result<Setting, SettingsError> {
        let (way, values) = self.now.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let ways: Vec<_> = grammar::ways(&self.grammar).filter(|(_, way)| grammar::flag(way, key).is_some()).collect();
        let said = ways.iter().find(|(name, _)| *name == way).or(ways.first());
        let Some(arg) = said.and_then(|(_, way)| grammar::flag(way, key)) else {
            return Err(SettingsError::Misfit(grammar::unknown(&self.grammar, None, key)));
        };
        let preset = grammar::preset(arg);
        let (values, origin) = values.get(key).cloned().unwrap_or_else(|| (preset.clone(), Origin::Default));
        Ok(Setting {
            key: key.to_owned(),
            ways: ways.iter().map(|(name, _)| *name).collect(),
            help: grammar::help(arg),
            fits: grammar::fitting(arg),
            words: grammar::words(arg),
            many: grammar::takes_many(arg),
            path: grammar::is_path(arg),
            preset,
            values,
            origin,
        })
    }

    /// What is set now, as the program reads it.
    ///
    /// # Errors
    ///
    /// If the type needs more than flags.
    pub fn read<T: FromArgMatches>(&self) -> Result<T, SettingsError> {
        let (way, values) = self.now.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let misfit = |error: clap::Error| SettingsError::Misfit(error.to_string());
        let way = self.grammar.find_subcommand(way).cloned().unwrap_or_default();
        let known =
            values.iter().filter_map(|(key, (values, _))| Some(grammar::typed(grammar::flag(&way, key)?, values)));
        let typed: Vec<_> = known.flatten().collect();
        let matches = grammar::relaxed(&way).try_get_matches_from(typed).map_err(misfit)?;
        T::from_arg_matches(&matches).map_err(misfit)
    }

    /// Sets something from now on and for good; nothing sets it back to its default. It blocks, for it writes the file.
    ///
    /// # Errors
    ///
    /// If there is no such setting, it cannot be that, or the file cannot be changed; then nothing has changed.
    pub fn change(&self, key: &str, values: Option<Vec<String>>) -> Result<(), SettingsError> {
        let path = self.path.as_deref().ok_or_else(|| SettingsError::Misfit("nothing is kept here".to_owned()))?;
        let setting = self.get(key)?;
        let way = self.now.lock().unwrap_or_else(PoisonError::into_inner).0;
        let name = if setting.ways.contains(&way) { way } else { setting.ways[0] };
        let found = self.grammar.find_subcommand(name).and_then(|way| grammar::flag(way, key));
        let Some(arg) = found else { return Err(SettingsError::Misfit(format!("no setting is called {key}"))) };
        let values = match values {
            Some(values) => {
                let absolute =
                    values.into_iter().map(|value| grammar::expanded(arg, value)).collect::<Result<Vec<_>, _>>();
                let values = absolute.map_err(SettingsError::Misfit)?;
                file::check(&self.grammar, None, key, &values).map_err(SettingsError::Misfit)?;
                Some(values)
            }
            None => None,
        };
        file::write(path, &file::Change { way: name, arg, values: values.as_deref() })?;
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        match values {
            Some(values) => now.1.insert(key.to_owned(), (values, Origin::File)),
            None => now.1.remove(key),
        };
        Ok(())
    }
}
