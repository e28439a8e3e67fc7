//! What a person says of themselves and of the room on the command line: a name, before the room has a word in it, and an address.

use anyhow::Result;

use crate::{registry::Registry, room::normal_form, settings, trust::HostAddr};

/// The command line says something that cannot be: exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Usage(pub(super) String);

/// The address that the command line gives.
///
/// # Errors
///
/// [`Usage`] if it is none.
pub(super) fn address(given: &str) -> Result<HostAddr> {
    Ok(given.parse().map_err(|error| Usage(format!("{given}: {error}")))?)
}

/// The name that the command line gives, or the login name. Names of commands are nobody's.
///
/// # Errors
///
/// [`Usage`] if the name given cannot be a member's.
pub(super) fn name(given: Option<&str>) -> Result<String> {
    let Some(given) = given else { return Ok(from_login(&login_name())) };
    match normal_form(given) {
        Ok(name) if is_command(&name) => Err(Usage(format!("--name {given}: that is a command")).into()),
        Ok(name) => Ok(name),
        Err(error) => Err(Usage(format!("--name {given}: {error}")).into()),
    }
}

/// A grammar that takes only a name that a member may have, for what is checked long before anybody enters.
pub(super) fn checked(grammar: clap::Command) -> clap::Command {
    settings::WAYS.iter().fold(grammar, |grammar, way| {
        grammar.mut_subcommand(way, |way| {
            way.mut_args(|arg| match arg.get_long() {
                Some("name") => arg.value_parser(|name: &str| match normal_form(name) {
                    Ok(name) if is_command(&name) => Err("that is a command".to_owned()),
                    Ok(name) => Ok(name),
                    Err(error) => Err(error.to_string()),
                }),
                _ => arg,
            })
        })
    })
}

fn is_command(name: &str) -> bool {
    Registry::new(crate::commands::ALL).find(&name.to_lowercase()).is_some()
}

fn login_name() -> String {
    let from_env =
        ["USER", "LOGNAME"].into_iter().filter_map(|name| std::env::var(name).ok()).find(|name| !name.is_empty());
    from_env.or_else(|| Some(nix::unistd::User::from_uid(nix::unistd::getuid()).ok()??.name)).unwrap_or_default()
}

/// The nearest name to a login name that a member may have.
fn from_login(login: &str) -> String {
    let usable = |c: char| if c.is_alphanumeric() || matches!(c, '_' | '-' | '.') { c } else { '-' };
    let name: String = login.chars().map(usable).skip_while(|c| !c.is_alphabetic()).take(24).collect();
    normal_form(&name).ok().filter(|name| !is_command(name)).unwrap_or_else(|| "guest".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn login_names_become_names_of_members() {
        let cases = [
            ("bob", "bob"),
            ("john.doe", "john.doe"),
            ("7of9", "of9"),
            ("CORP\\ann", "CORP-ann"),
            ("", "guest"),
            ("host", "guest"),
            ("Quit", "guest"),
            ("123", "guest"),
        ];
        for (login, name) in cases {
            assert_eq!(from_login(login), name, "{login}");
        }
    }

    #[test]
    fn case_64_a_name_given_that_cannot_be_is_wrong_usage() {
        for bad in ["", "host", "quit", "-x", "a b", "a\u{1b}[2J"] {
            assert!(name(Some(bad)).unwrap_err().is::<Usage>(), "{bad:?}");
        }
    }
}
