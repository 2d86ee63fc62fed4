//! Dialogs from disk: a dialog file, its texts and its recordings, checked; or every problem with its place. `serve` starts on what comes
//! out of here and on nothing else, and `check` shows the same.

mod report;
mod spoken;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use crate::consent::Purpose;
use crate::dialog::Dialog;
use crate::dialog::check::{self, CheckInput, Configured, Keeper, Level, Place, Problem, RecordedPrompt, Span};
use crate::dialog::file::{self, DialogFile, Part};
use crate::dialog::prompt::{Source, TextError, Texts};
use crate::speech;

pub use report::{Position, Problems};
pub use spoken::Phonemes;

/// A dialog file or a file of texts that is larger is refused unread (bytes).
const LARGEST_TEXT: u64 = 1 << 20;
/// A recording of a prompt that is larger is refused unread (bytes): ten minutes of 48 kHz, 16 bit.
const LARGEST_RECORDING: u64 = 60 << 20;

/// A dialog that has passed its checks, with what it was read from.
#[derive(Debug)]
pub struct Loaded {
    /// What a session runs.
    pub dialog: Dialog,
    /// The WAV files of prompts that are recorded, by language and id: they win over synthesis.
    pub recorded: BTreeMap<(String, String), PathBuf>,
    /// The dialog file's name, as it was given.
    pub file_name: String,
    /// What was found that does not keep it from being served.
    pub remarks: Problems,
    prompts_folder: String,
    sources: Vec<Source>,
}

impl Loaded {
    /// The purposes that the dialog announces.
    pub fn purposes(&self) -> impl Iterator<Item = Purpose> {
        self.dialog.file.recording.iter().filter_map(|recorded| recorded.value.terms()).map(|terms| terms.purpose)
    }
}

/// The recognisers of the configuration that keep what they hear.
pub fn keepers(speech: &speech::Settings) -> Vec<Keeper> {
    let of = |language: &String| {
        let keeping = speech.remotes(language).filter(|(_, remote)| remote.retains_audio);
        keeping.map(|(name, _)| Keeper { language: language.clone(), name: name.to_owned() }).collect::<Vec<_>>()
    };
    speech.recognisers.keys().flat_map(of).collect()
}

/// The dialog files of a folder, by name.
pub fn dialogs_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml") && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Reads the dialog at `file` with its texts and recordings in `prompts`, and checks it.
///
/// `targets` are the handover targets of the configuration; `None` leaves them unchecked. Dutch and English fall back to the built-in
/// texts of the engine where the folder has none.
pub fn load(file: &Path, prompts: &Path, targets: Option<&[String]>) -> Result<Loaded, Box<Problems>> {
    load_for(file, prompts, Configured { targets, ..Configured::default() })
}

/// As [`load`], with all that is known of the configuration.
pub fn load_for(file: &Path, prompts: &Path, configured: Configured) -> Result<Loaded, Box<Problems>> {
    let Readable { dialog, texts, version, recorded, prompts_folder, reading, file_name } = read(file, prompts, configured)?;
    match texts {
        Some(texts) if reading.problems.iter().all(|problem| problem.level() < Level::Error) => {
            let dialog = Dialog { file: dialog, texts, version };
            let remarks = Problems::new(&file_name, reading.problems, &reading.sources);
            Ok(Loaded { dialog, recorded, file_name, remarks, prompts_folder, sources: reading.sources })
        }
        _ => Err(reading.refuse(&file_name)),
    }
}

/// A dialog that could be read, whether or not it passes its checks: enough to show it, not to run it.
pub struct Readable {
    /// The dialog file.
    pub dialog: DialogFile,
    /// Its texts; `None` where they could not be read.
    pub texts: Option<Texts>,
    /// Its version, as a running dialog would have it.
    pub version: String,
    recorded: BTreeMap<(String, String), PathBuf>,
    file_name: String,
    prompts_folder: String,
    reading: Reading,
}

impl Readable {
    /// The dialog file's name, as problems have it.
    pub fn file_name(&self) -> &str {
        &self.file_name
    }

    /// What its checks found.
    pub fn problems(&self) -> &[Problem] {
        &self.reading.problems
    }
}

/// As [`load_for`], for a dialog that is shown and not run: problems are given with it. Only a file that is no dialog at all is refused.
pub fn read(file: &Path, prompts: &Path, configured: Configured) -> Result<Readable, Box<Problems>> {
    let file_name = file.display().to_string();
    let mut reading = Reading { problems: Vec::new(), sources: Vec::new() };
    let Some(text) = reading.text(file) else { return Err(reading.refuse(&file_name)) };
    reading.sources.push(Source { name: file_name.clone(), text: text.clone() });
    let mut dialog = match file::read(&text) {
        Ok(dialog) => dialog,
        Err(error) => {
            reading.problems.push(check::unreadable(&file_name, &error));
            return Err(reading.refuse(&file_name));
        }
    };
    let mut version = Version::new();
    version.part("dialog", text.as_bytes());
    let folder = file.parent().unwrap_or(Path::new("."));
    let all_read = reading.parts(&mut dialog, &file_name, folder, &mut version);
    if !all_read {
        // What is known of the rest would be about a dialog with holes.
        return Err(reading.refuse(&file_name));
    }
    let texts = reading.texts(&dialog, prompts, &mut version);
    let recorded = texts.as_ref().map(|texts| reading.recordings(&dialog, prompts, texts, &mut version)).unwrap_or_default();
    let recorded_prompts: Vec<RecordedPrompt> =
        recorded.iter().map(|((language, id), wav)| reading.recorded(language, id, wav, texts.as_ref())).collect();
    let prompts_folder = prompts.display().to_string();
    let input = CheckInput {
        file_name: &file_name,
        dialog: &dialog,
        prompts_folder: &prompts_folder,
        texts: texts.as_ref(),
        configured,
        documents: Some(&|name| folder.join(name).is_file()),
        recorded: &recorded_prompts,
    };
    reading.problems.extend(check::check(&input));
    Ok(Readable { dialog, texts, version: version.finish(), recorded, file_name, prompts_folder, reading })
}

/// What has been read so far, and what was wrong with it.
struct Reading {
    problems: Vec<Problem>,
    sources: Vec<Source>,
}

impl Reading {
    fn refuse(self, file_name: &str) -> Box<Problems> {
        Box::new(Problems::new(file_name, self.problems, &self.sources))
    }

    /// A file of text; a file that is not there is a problem.
    fn text(&mut self, path: &Path) -> Option<String> {
        let bytes = self.bytes(path, LARGEST_TEXT)?;
        match String::from_utf8(bytes) {
            Ok(text) => Some(text),
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                self.unreadable(path, format!("byte {at} is not UTF-8"), "save the file as UTF-8");
                None
            }
        }
    }

    fn bytes(&mut self, path: &Path, largest: u64) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        // One byte more than is allowed, so that what is too large shows.
        match fs::File::open(path).and_then(|file| file.take(largest + 1).read_to_end(&mut bytes)) {
            Err(error) => {
                self.unreadable(path, error.to_string(), "check the path and who may read it");
                None
            }
            Ok(_) if bytes.len() as u64 > largest => {
                self.unreadable(path, format!("it is larger than {} MiB", largest >> 20), "make it smaller");
                None
            }
            Ok(_) => Some(bytes),
        }
    }

    fn unreadable(&mut self, path: &Path, why: String, help: &str) {
        let file = path.display().to_string();
        let message = format!("{file} cannot be read: {why}");
        let place = Place { file, span: Span::default(), label: String::new() };
        self.problems.push(Problem { rule: "file-not-readable", message, place, help: help.into(), related: Vec::new() });
    }

    /// The sub-dialogs: files beside the dialog. Gives whether all of them could be read.
    fn parts(&mut self, dialog: &mut DialogFile, file_name: &str, folder: &Path, version: &mut Version) -> bool {
        let before = self.problems.len();
        let mut parts = Vec::new();
        for (name, written) in dialog.sub_dialogs.iter() {
            let beside = Path::new(&written.value).components().all(|part| matches!(part, Component::Normal(_)));
            let path = folder.join(&written.value);
            let problem = |message: String, help: &str| Problem {
                rule: "unknown-sub-dialog",
                message,
                place: Place { file: file_name.to_owned(), span: Span::of(&written.referenced), label: "no sub-dialog".into() },
                help: help.into(),
                related: Vec::new(),
            };
            if !check::is_dialog_name(&name.value) {
                let help = "write 1 to 40 of a-z, 0-9 and -, beginning with a letter, such as identify";
                self.problems.push(problem(format!("`{}` cannot name a sub-dialog", name.value), help));
                continue;
            }
            if !beside || !path.is_file() {
                let message = format!("there is no file `{}` beside this one", written.value);
                self.problems.push(problem(
                    message,
                    "write the file's name, or its folder and its name, from here: `parts/identify.yaml`",
                ));
                continue;
            }
            let Some(text) = self.text(&path) else { continue };
            let file_name = path.display().to_string();
            self.sources.push(Source { name: file_name.clone(), text: text.clone() });
            version.part(&format!("sub-dialog {}", name.value), text.as_bytes());
            match file::read_part(&text) {
                Ok(file) => parts.push(Part { name: name.value.clone(), file_name, file }),
                Err(error) => self.problems.push(check::unreadable(&file_name, &error)),
            }
        }
        dialog.parts = parts;
        self.problems.len() == before
    }

    /// The texts of every language that is written as one; a text file that is not there is left to the check, which knows what it lacks.
    fn texts(&mut self, dialog: &DialogFile, prompts: &Path, version: &mut Version) -> Option<Texts> {
        let before = self.problems.len();
        // Each sub-dialog has texts of its own; one that is listed twice brings them once.
        let mut names = vec![dialog.dialog.value.as_str()];
        names.extend(dialog.parts.iter().map(|part| part.file.sub_dialog.value.as_str()));
        names.retain(|name| check::is_dialog_name(name));
        let mut seen = BTreeSet::new();
        names.retain(|name| seen.insert(*name));
        let mut languages: Vec<(String, Vec<Source>)> = Vec::new();
        for language in dialog.languages.iter().map(|language| &language.value) {
            if check::read_language(language).is_none() || languages.iter().any(|(before, _)| before == language) {
                continue;
            }
            let folder = prompts.join(language);
            let mut sources = Vec::new();
            for stem in ["candor"].into_iter().chain(names.iter().copied()) {
                let path = folder.join(format!("{stem}.ftl"));
                let source = if path.exists() {
                    self.text(&path).map(|text| Source { name: path.display().to_string(), text })
                } else {
                    check::built_in(language).filter(|_| stem == "candor")
                };
                if let Some(source) = source {
                    version.part(&format!("{language}/{stem}.ftl"), source.text.as_bytes());
                    sources.push(source);
                }
            }
            self.sources.extend(sources.iter().cloned());
            languages.push((language.clone(), sources));
        }
        match Texts::read(languages) {
            Ok(texts) => (self.problems.len() == before).then_some(texts),
            Err(errors) => {
                self.problems.extend(errors.iter().map(|error: &TextError| check::unreadable_text(error)));
                None
            }
        }
    }

    /// The recordings of prompts, `<language>/<id>.wav`, of the prompts that this dialog has.
    fn recordings(
        &mut self,
        dialog: &DialogFile,
        prompts: &Path,
        texts: &Texts,
        version: &mut Version,
    ) -> BTreeMap<(String, String), PathBuf> {
        let mut recorded = BTreeMap::new();
        for language in dialog.languages.iter().map(|language| &language.value) {
            for (id, _) in texts.messages(language).filter(|(_, message)| message.spoken) {
                let path = prompts.join(language).join(format!("{id}.wav"));
                if !path.is_file() {
                    continue;
                }
                let Some(bytes) = self.bytes(&path, LARGEST_RECORDING) else { continue };
                match hound::WavReader::new(bytes.as_slice()) {
                    Err(error) => {
                        self.unreadable(&path, format!("it is no WAV file ({error})"), "save it as WAV, PCM, 16 bit, one channel")
                    }
                    Ok(wav) if wav.duration() == 0 => {
                        self.unreadable(&path, "it holds no sound".into(), "record it again, or take it away")
                    }
                    Ok(_) => {
                        version.part(&format!("{language}/{id}.wav"), &bytes);
                        recorded.insert((language.clone(), id.to_owned()), path);
                    }
                }
            }
        }
        recorded
    }

    /// What is known of a recording beside its sound: its words, where they stand beside it, and whether its text was written later.
    fn recorded(&mut self, language: &str, id: &str, wav: &Path, texts: Option<&Texts>) -> RecordedPrompt {
        let transcript = wav.with_extension("txt");
        let words = transcript.is_file().then(|| self.text(&transcript)).flatten();
        let written = texts.and_then(|texts| texts.message(language, id)).and_then(|message| changed(Path::new(&message.file)));
        let text_later_by = written.zip(changed(wav)).and_then(|(text, sound)| text.duration_since(sound).ok());
        RecordedPrompt { language: language.to_owned(), id: id.to_owned(), words, text_later_by }
    }
}

/// When a file was last written; `None` when it is not there, as with the built-in texts.
fn changed(file: &Path) -> Option<SystemTime> {
    fs::metadata(file).and_then(|metadata| metadata.modified()).ok()
}

/// SHA-256 over the parts of a dialog, each with its name and length before it, so that no two dialogs give the same bytes.
struct Version(Sha256);

impl Version {
    fn new() -> Version {
        let mut hash = Sha256::new();
        hash.update(b"candor dialog version 1\n");
        Version(hash)
    }

    fn part(&mut self, name: &str, content: &[u8]) {
        for piece in [name.as_bytes(), content] {
            self.0.update((piece.len() as u64).to_le_bytes());
            self.0.update(piece);
        }
    }

    fn finish(self) -> String {
        hex::encode(self.0.finalize())
    }
}
