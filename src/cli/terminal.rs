use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

use serde::Serialize;

/// What a subcommand's exit status says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// It holds, or was done.
    Holds,
    /// It does not hold, or was refused.
    DoesNot,
    /// It was called wrongly: with something that is not there, or would be overwritten.
    CalledWrongly,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(match exit {
            Exit::Holds => 0,
            Exit::DoesNot => 1,
            Exit::CalledWrongly => 2,
        })
    }
}

/// Writes to standard output. A reader that has gone, such as `head`, is nobody's error.
pub(super) fn print(text: &str) {
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

/// Writes a value as indented JSON to standard output.
pub(super) fn print_json(value: &impl Serialize) -> miette::Result<()> {
    let mut text = serde_json::to_string_pretty(value).map_err(|error| miette::miette!("cannot write JSON: {error}"))?;
    text.push('\n');
    print(&text);
    Ok(())
}

/// Says on standard error why something was not done.
pub(super) fn refuse(reason: &impl Display, exit: Exit) -> ExitCode {
    eprintln!("candor: {reason}");
    exit.into()
}

/// The user of the operating system who runs this, for the ledger: by the user id, which cannot be chosen as `$USER` can. Behind a
/// shared account, such as the server's, the one who logged in is named too.
pub(super) fn actor() -> String {
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let id = rustix::process::getuid().as_raw();
    let user = name_of(id, &users);
    // Set once at log-in (pam_loginuid) and kept through su and sudo; all ones where nobody logged in.
    let login = std::fs::read_to_string("/proc/self/loginuid").ok().and_then(|id| id.trim().parse::<u32>().ok());
    let behind = match login {
        Some(login) if login != u32::MAX => Some(name_of(login, &users)),
        _ => std::env::var("SUDO_USER").ok(),
    };
    match behind {
        Some(behind) if behind != user => format!("{user} (for {behind})"),
        _ => user,
    }
}

/// The name of a user id in the text of `/etc/passwd`, or the number where it has none.
fn name_of(id: u32, users: &str) -> String {
    let name = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(id)).then(|| name.to_owned())
    });
    name.unwrap_or_else(|| format!("user {id}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_named_by_the_id() {
        let users = "root:x:0:0:root:/root:/bin/bash\ncandor:x:998:997::/var/lib/candor:/usr/sbin/nologin\n";
        assert_eq!(name_of(998, users), "candor");
        assert_eq!(name_of(1001, users), "user 1001");
    }
}
