//! The file of what a person has set: reading it with the line of everything in it, and changing one line of it.

use std::{
    io,
    path::{Path, PathBuf},
};

use clap::{Arg, Command};
use toml_edit::{Array, Document, DocumentMut, Item, Table, Value};

use super::{SettingsError, WAYS, grammar};
use crate::{
    disk::{self, CWD, Errno, FlockOperation, Mode, OFlags},
    trust::{FileError, create_private_dir, replace},
};

/// Longest file that is read, in bytes; many times what all settings take.
const MAX_LEN: usize = 256 * 1024;

/// Something that the file sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// The way into a room that it is for, if it is not for all that know it.
    pub(super) way: Option<&'static str>,
    pub(super) key: String,
    pub(super) values: Vec<String>,
}

/// What the file at `path` sets; nothing if there is none.
pub(super) fn read(path: &Path, grammar: &Command) -> Result<Vec<Entry>, SettingsError> {
    let Some(text) = text(path)? else { return Ok(Vec::new()) };
    let wrong = |(at, reason): (Option<usize>, String)| {
        let line = 1 + text[..at.unwrap_or(0).min(text.len())].matches('\n').count();
        SettingsError::Wrong { path: path.to_owned(), line, reason }
    };
    let document = Document::parse(text.as_str())
        .map_err(|error| wrong((error.span().map(|span| span.start), error.message().replace('\n', ", "))))?;
    entries(document.as_table(), None, grammar).map_err(wrong)
}

/// The text of the file, none if there is no file. Others may not be able to write it: it says where files go and who
/// gets in.
fn text(path: &Path) -> Result<Option<String>, SettingsError> {
    let refused = |doing, source: io::Error| FileError::Io { doing, path: path.to_owned(), source };
    let file = match disk::open(CWD, path, OFlags::RDONLY, Mode::empty()) {
        Ok(file) => file,
        Err(Errno::NOENT) => return Ok(None),
        Err(errno) => return Err(refused("open", errno.into()).into()),
    };
    let about = disk::look_at(&file).map_err(|errno| refused("read", errno.into()))?;
    let own = about.st_uid == rustix::process::geteuid().as_raw() || about.st_uid == 0;
    if !own || about.st_mode & 0o022 != 0 {
        return Err(SettingsError::Exposed { path: path.to_owned() });
    }
    let bytes = disk::read_all(file, MAX_LEN + 1).map_err(|errno| refused("read", errno.into()))?;
    if bytes.len() > MAX_LEN {
        return Err(refused("read", io::Error::other("it is far too long")).into());
    }
    let text = String::from_utf8(bytes);
    Ok(Some(text.map_err(|_| refused("read", io::Error::other("it holds bytes that are no text")))?))
}

type Misfit = (Option<usize>, String);

fn entries(table: &Table, way: Option<&'static str>, grammar: &Command) -> Result<Vec<Entry>, Misfit> {
    let mut found = Vec::new();
    for (key, item) in table.iter() {
        let at = table.key(key).and_then(|key| key.span()).or_else(|| item.span()).map(|span| span.start);
        if let (None, Item::Table(inner)) = (way, item) {
            let Some(inside) = WAYS.iter().find(|name| **name == key) else {
                return Err((
                    inner.span().map(|span| span.start),
                    format!("no table is called [{key}]; there are [{}]", WAYS.join("] and [")),
                ));
            };
            found.extend(entries(inner, Some(inside), grammar)?);
            continue;
        }
        let wrong = |reason: String| (at, reason);
        let mut known = grammar::ways(grammar).filter(|(name, _)| way.is_none_or(|way| way == *name));
        let Some((_, arg)) = known.find_map(|(_, way)| grammar::flag(way, key).map(|arg| (way, arg))) else {
            return Err(wrong(grammar::unknown(grammar, way, key)));
        };
        let values = values(arg, item).map_err(|reason| wrong(format!("{key}: {reason}")))?;
        check(grammar, way, key, &values).map_err(wrong)?;
        found.push(Entry { way, key: key.to_owned(), values });
    }
    Ok(found)
}

/// Whether these values fit everywhere where they would count.
pub(super) fn check(grammar: &Command, only: Option<&str>, key: &str, values: &[String]) -> Result<(), String> {
    for (_, way) in grammar::ways(grammar).filter(|(name, _)| only.is_none_or(|only| only == *name)) {
        if let Some(arg) = grammar::flag(way, key) {
            let shown = values.join(", ");
            grammar::check(way, arg, values).map_err(|reason| format!("{key} cannot be {shown:?}: {reason}"))?;
        }
    }
    Ok(())
}

/// The words that a value of the file stands for.
fn values(arg: &Arg, item: &Item) -> Result<Vec<String>, String> {
    // `false` for what is no switch would be taken for the word.
    let switch = |value: &Value| value.is_bool() == grammar::is_switch(arg) || value.is_str();
    let values = match item {
        Item::Value(Value::Array(several)) if grammar::takes_many(arg) => several.iter().map(word).collect(),
        Item::Value(one) if switch(one) => word(one).map(|word| vec![word]),
        _ => None,
    };
    let values = values.ok_or_else(|| format!("what fits: {}", grammar::fitting(arg)))?;
    values.into_iter().map(|value| grammar::expanded(arg, value)).collect()
}

fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.value().clone()),
        Value::Integer(number) => Some(number.value().to_string()),
        Value::Float(number) => Some(number.value().to_string()),
        Value::Boolean(switch) => Some(switch.value().to_string()),
        Value::Datetime(_) | Value::Array(_) | Value::InlineTable(_) => None,
    }
}

/// What is to be written.
pub(super) struct Change<'a> {
    /// The way into the room that this session came.
    pub(super) way: &'a str,
    pub(super) arg: &'a Arg,
    /// The values, or none to set nothing any longer.
    pub(super) values: Option<&'a [String]>,
}

/// Writes one change into the file, which is made if it is not there. All else in it stays, comments too.
pub(super) fn write(path: &Path, change: &Change) -> Result<(), SettingsError> {
    // Some keep such files elsewhere, and a link to them here.
    let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = path.parent().unwrap_or(Path::new("/"));
    create_private_dir(folder)?;
    // Another pchat may change it, too. A lock on the folder leaves nothing behind in it, as one beside the file would.
    let locked = disk::open(CWD, folder, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())
        .and_then(|folder| disk::lock(&folder, FlockOperation::LockExclusive).map(|()| folder));
    let io = |errno: Errno| FileError::Io { doing: "take hold of", path: folder.to_owned(), source: errno.into() };
    let _locked = locked.map_err(io)?;
    let text = text(&path)?.unwrap_or_default();
    let mut document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| {
        let line = 1 + text[..error.span().map_or(0, |span| span.start).min(text.len())].matches('\n').count();
        SettingsError::Wrong { path: path.clone(), line, reason: error.message().replace('\n', ", ") }
    })?;
    edit(document.as_table_mut(), change);
    Ok(replace(&path, document.to_string().as_bytes())?)
}

fn edit(root: &mut Table, change: &Change) {
    let key = change.arg.get_long().unwrap_or_default();
    let special = root.get_mut(change.way).and_then(Item::as_table_mut);
    let Some(values) = change.values else {
        special.and_then(|table| table.remove(key));
        root.remove(key);
        return;
    };
    // Where it counts already for this way into a room, or else for all.
    let table = match special {
        Some(table) if table.contains_key(key) => table,
        _ => root,
    };
    let mut value = value(change.arg, values);
    match table.get_mut(key) {
        Some(item) => {
            if let Some(old) = item.as_value() {
                *value.decor_mut() = old.decor().clone();
            }
            *item = Item::Value(value);
        }
        None => {
            table.insert(key, Item::Value(value));
        }
    }
}

fn value(arg: &Arg, values: &[String]) -> Value {
    let one = |word: &String| match word.parse::<i64>() {
        Ok(number) if !grammar::is_text(arg) && number.to_string() == *word => Value::from(number),
        _ if grammar::is_switch(arg) => Value::from(word == "true"),
        _ => Value::from(word.as_str()),
    };
    match values {
        [word] if !grammar::takes_many(arg) => one(word),
        several => Value::Array(several.iter().map(one).collect::<Array>()),
    }
}

/// How a path is told: short, where it is in the home folder.
pub(super) fn shown(path: &Path) -> String {
    let home = std::env::home_dir().filter(|home| home.parent().is_some());
    let short = home.and_then(|home| Some(PathBuf::from("~").join(path.strip_prefix(home).ok()?)));
    short.as_deref().unwrap_or(path).display().to_string()
}
