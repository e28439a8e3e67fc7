//! What the program says about its files without opening a room: identity, pins, members.

use anyhow::{Result, bail};

use super::{identity, person};
use crate::{
    cli::{Forget, Members, MembersChange},
    table::table,
    trust::{Fingerprint, Home, Hosts, Members as List},
};

/// Name and fingerprint.
pub(super) fn id(home: &Home) -> Result<String> {
    let identity = identity(home)?;
    Ok(format!("{} {}", person::name(None)?, Fingerprint::of(&identity.public_key())))
}

/// The list of those that this machine's rooms let in, or one fewer of them.
pub(super) fn members(home: &Home, members: Members) -> Result<String> {
    let list = List::at(home.members());
    match members.change {
        None => {
            let rows: Vec<Vec<String>> = list
                .list()?
                .into_iter()
                .map(|listed| {
                    let since = format!("since {}", listed.since);
                    vec![listed.name, Fingerprint::of(&listed.key).to_string(), since]
                })
                .collect();
            Ok(if rows.is_empty() { "nobody was let in yet".to_owned() } else { table(&rows) })
        }
        Some(MembersChange::Forget { name }) => {
            let by_key = list.list()?.into_iter().find(|listed| Fingerprint::of(&listed.key).to_string() == name);
            let gone = match by_key {
                Some(listed) => usize::from(list.remove_key(&listed.key)?),
                None => list.remove_name(&name)?,
            };
            if gone == 0 {
                bail!("nobody called {name} is on the list; `pchat members` shows it");
            }
            Ok(format!("{name} has to ask for entry again"))
        }
    }
}

/// One pin fewer.
pub(super) fn forget(home: &Home, forget: &Forget) -> Result<String> {
    let addr = person::address(&forget.address)?;
    if !Hosts::at(home.hosts()).forget(&addr)? {
        bail!("no key is remembered for {addr}");
    }
    Ok(format!("the key of {addr} is forgotten; the next `pchat join {addr}` remembers the one it meets"))
}
