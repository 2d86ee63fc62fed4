//! What dialogs look up and what the configuration has for it, held against each other before any caller comes.

use crate::dialog::file::Step;
use crate::lookup::{Client, Reach};

use super::library::Loaded;

/// Whether every lookup of a dialog can be sent; one that others could read on its way is warned of.
///
/// # Errors
/// Names the dialog, the result and the settings that cannot be used.
pub(super) fn check(client: &Client, loaded: &Loaded) -> Result<(), String> {
    let (file, dialog) = (&loaded.dialog.file, &loaded.dialog.file.dialog.value);
    for (_, step) in file.every_step() {
        let Step::Fetch(fetch) = &step.value else { continue };
        let result = &fetch.into.value;
        let reach = client.reach(fetch).map_err(|error| format!("{error} (the lookup `{result}` of the dialog `{dialog}`)"))?;
        if reach == Reach::Plain {
            tracing::warn!(
                dialog,
                result,
                "lookups go over plain HTTP to another machine: what callers give, and your tokens, can be read on the way. Use https"
            );
        }
    }
    Ok(())
}
