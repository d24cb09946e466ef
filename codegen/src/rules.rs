//! The catalogue of rules: every id a problem can carry, with its page for `explain`.
//!
//! Each phase lists the rules it reports, beside the code that reports them or here.

use crate::lint;
use crate::problem::Severity;

/// One rule.
pub struct Rule {
    /// Stable, `kebab-case`.
    pub id: &'static str,
    /// What the rule asks, in one sentence.
    pub summary: &'static str,
    /// Why it asks, and how to mend a breach; paragraphs of plain text.
    pub explanation: &'static str,
    /// What it is unless the configuration says otherwise.
    pub severity: Severity,
    /// A breach, and the same thing mended; empty where an excerpt would say nothing.
    pub bad_example: &'static str,
    pub good_example: &'static str,
}

/// Rules of the phases around the loader: templates and output folders.
pub const COMPILER: &[Rule] = &[
    Rule {
        id: "output-blocked",
        summary: "Output files and folders are plain files and folders.",
        explanation: "A symbolic link, or a folder where a file belongs, stands at a place the \
            compiler has to write. It never writes through a link, because that would change a \
            file nobody named.\n\nRemove the link or the folder and run generate again.",
        severity: Severity::Error,
        bad_example: "",
        good_example: "",
    },
    Rule {
        id: "output-foreign",
        summary: "The first run needs output folders that hold nothing else.",
        explanation: "A target owns its output folder whole: what the compiler did not write \
            there is an orphan, and generate deletes it. Without a lock file it cannot know what \
            it wrote, so it deletes nothing and reports each file instead.\n\nChoose an empty \
            folder, or move the files away.",
        severity: Severity::Error,
        bad_example: "",
        good_example: "",
    },
    Rule {
        id: "output-outside",
        summary: "Every generated file lies inside the folder of its target.",
        explanation: "A name of the spec or the configuration that became part of a path would \
            leave the folder, or is no name that every file system takes.\n\nChoose plain names.",
        severity: Severity::Error,
        bad_example: "",
        good_example: "",
    },
    Rule {
        id: "output-overlap",
        summary: "Output folders hold no inputs and no other output folder.",
        explanation: "Everything in an output folder that the compiler did not write is deleted. \
            An input or another target inside it would be deleted, too.\n\nGive each target a \
            folder of its own.",
        severity: Severity::Error,
        bad_example: "",
        good_example: "",
    },
    Rule {
        id: "template-broken",
        summary: "Every template can be read by the engine.",
        explanation: "A file that ends in .tera is not a template the engine understands. The \
            message holds its line.\n\nMend the template.",
        severity: Severity::Error,
        bad_example: "",
        good_example: "",
    },
    Rule {
        id: "template-missing",
        summary: "The templates folder has templates for every target.",
        explanation: "The configuration names a folder of templates and a target, and the folder \
            has nothing for that target.\n\nCorrect `templates`, or leave it out: the compiler \
            carries templates for every target.",
        severity: Severity::Error,
        bad_example: "",
        good_example: "",
    },
    Rule {
        id: "template-unreadable",
        summary: "Templates are UTF-8 text.",
        explanation: "A file in the templates folder cannot be read or is not UTF-8.\n\nConvert \
            it, or move it out of the folder.",
        severity: Severity::Error,
        bad_example: "",
        good_example: "",
    },
];

/// All rules, in no order.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    COMPILER.iter().chain(lint::RULES.iter().copied().flatten())
}

/// The rule with this id.
pub fn find(id: &str) -> Option<&'static Rule> {
    all().find(|rule| rule.id == id)
}
