//! What the person has set, for now and for good.

use tokio::task::spawn_blocking;

use crate::{
    args::path,
    cli::Common,
    command::{Command, Context, Entry, Flow, Result, SettingKey, SettingValue, async_trait},
    settings::{Origin, Setting, Settings},
    table::table,
    transfer::desk::Desk,
};

pub const COMMAND: Entry = Entry::of::<Set>();

/// Show what is set, or set something from now on.
///
/// Everything that is a flag of `pchat host` or `pchat join` can be set, under the name of the flag. It is kept for the
/// next time, in a file that you may edit, too. What cannot change while you talk counts from the next start.
#[derive(clap::Parser)]
struct Set {
    /// What to show or to set; without it, everything is shown.
    #[arg(value_name = "KEY")]
    key: Option<SettingKey>,
    /// The value, or `default` for what it is if nobody says anything; without it, the present one and what fits.
    #[arg(value_name = "VALUE", num_args = 0.., allow_hyphen_values = true, trailing_var_arg = true)]
    value: Vec<SettingValue>,
}

#[async_trait]
impl Command for Set {
    const NAME: &'static str = "set";
    // "set the table" is a sentence.
    const BARE: bool = false;
    const EXAMPLES: &'static [&'static str] =
        &["set", "set bell", "set bell all", "set time \"%H:%M:%S\"", "set auto-accept none", "set time default"];

    async fn run(self, cx: &mut Context) -> Result<Flow> {
        let settings = cx.settings();
        match (self.key, self.value) {
            (None, _) => cx.print(overview(&settings)),
            (Some(key), value) if value.is_empty() => cx.print(page(&settings.get(&key)?)),
            (Some(key), value) => {
                let value = value.into_iter().map(|word| word.0).collect();
                change(&settings.get(&key)?, value, cx).await?;
            }
        }
        Ok(Flow::Continue)
    }
}

fn value(setting: &Setting) -> String {
    if setting.values.is_empty() { "not set".to_owned() } else { setting.values.join(" ") }
}

fn origin(setting: &Setting) -> &'static str {
    match setting.origin {
        Origin::Default => "default",
        Origin::File => "file",
        Origin::Flag => "flag",
    }
}

fn overview(settings: &Settings) -> String {
    let row = |setting: &Setting| vec![setting.key.clone(), value(setting), origin(setting).to_owned()];
    let rows: Vec<_> = settings.all().iter().map(row).collect();
    let place = settings.place().unwrap_or_default();
    format!("{}\n\nWhat is said to be from the file is in {place}.", table(&rows))
}

fn page(setting: &Setting) -> String {
    let ways = if let [only] = setting.ways[..] { format!(" (pchat {only} only)") } else { String::new() };
    let Setting { key, help, fits, .. } = setting;
    format!("{key}: {} ({})\n{help}{ways}\nfits: {fits}", value(setting), origin(setting))
}

/// Sets something, keeps it, and lets it count at once where that can be.
async fn change(setting: &Setting, words: Vec<String>, cx: &Context) -> Result<()> {
    let (settings, key) = (cx.settings(), setting.key.clone());
    let words = if words == ["default"] { None } else { Some(typed(setting, words)?) };
    let before: Common = settings.read()?;
    let changing = settings.clone();
    spawn_blocking(move || changing.change(&key, words)).await??;
    let now: Common = settings.read()?;

    let set = settings.get(&setting.key)?;
    let told = format!("{} is {} now", set.key, value(&set));
    if set.values == setting.values {
        cx.notice(format!("{told}, as before"));
    } else if now.look() != before.look() {
        cx.look(&now.look());
        cx.notice(told);
    } else if now.auto_accept != before.auto_accept {
        Desk::of(cx).accept_by_itself(now.auto_accept);
        cx.notice(told);
    } else if now.downloads != before.downloads && now.downloads.is_some() {
        cx.notice(told);
        Desk::of(cx).use_downloads(now.downloads, cx).await?;
    } else if now.name != before.name {
        cx.notice(format!("{} is {} from the next start; `nick` changes it in this room", set.key, value(&set)));
    } else {
        cx.notice(format!("{} is {} from the next start", set.key, value(&set)));
    }
    Ok(())
}

/// The words that were typed, as values: several only where several fit, and paths as they are from here.
fn typed(setting: &Setting, words: Vec<String>) -> Result<Vec<String>> {
    let words = if setting.many { words } else { vec![words.join(" ")] };
    let absolute = |word: String| Ok(std::path::absolute(path(&word))?.to_string_lossy().into_owned());
    if setting.path { words.into_iter().map(absolute).collect() } else { Ok(words) }
}
