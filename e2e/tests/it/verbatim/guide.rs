//! The blocks of a guide, as they stand in its file.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// A guide, and which of its blocks were executed.
pub(crate) struct Guide {
    /// The whole file.
    pub(crate) text: &'static str,
    blocks: Vec<Block>,
    executed: Mutex<BTreeSet<usize>>,
}

/// What stands between two fences.
pub(crate) struct Block {
    /// The nearest heading above.
    section: String,
    /// Where it begins, from 1.
    line: usize,
    /// What follows the fence: `bash`, `yaml`.
    language: String,
    text: String,
}

impl Block {
    /// Whether it can be executed. `text` is the language of what a reader only looks at.
    fn is_executable(&self) -> bool {
        self.language != "text"
    }

    /// The block, with the guide's placeholders filled in and nothing else changed.
    pub(crate) fn filled_in(&self, user: &str, token: &str) -> String {
        let text = self.text.replace("YOUR_GITHUB_USERNAME", user).replace("your-github-username", user);
        text.replace("YOUR_GITHUB_TOKEN", token).replace("ghp_YourToken", token)
    }
}

impl Guide {
    /// Reads the blocks of `text`, Markdown.
    pub(crate) fn new(text: &'static str) -> Guide {
        let mut blocks: Vec<Block> = Vec::new();
        let (mut section, mut indent) = ("", None);
        for (at, line) in text.lines().enumerate() {
            let (fence, trimmed) = (line.trim_start().strip_prefix("```"), line.trim_start());
            match (fence, indent) {
                (Some(language), None) => {
                    indent = Some(line.len() - trimmed.len());
                    let (section, language) = (section.to_owned(), language.trim().to_owned());
                    blocks.push(Block { section, line: at + 1, language, text: String::new() });
                }
                (Some(_), Some(_)) => indent = None,
                (None, Some(width)) => {
                    let block = blocks.last_mut().expect("the block that was begun");
                    // A block inside a list is indented with the list.
                    block.text.push_str(line.get(width..).unwrap_or_default());
                    block.text.push('\n');
                }
                (None, None) if line.starts_with('#') => section = line.trim_start_matches('#').trim(),
                (None, None) => {}
            }
        }
        assert_eq!(indent, None, "a block is not closed");
        Guide { text, blocks, executed: Mutex::default() }
    }

    /// The block `number` (from 1) among those of `section` that can be executed; it counts as executed from now on.
    pub(crate) fn block(&self, section: &str, number: usize) -> &Block {
        let of_section = |(_, block): &(usize, &Block)| block.section == section && block.is_executable();
        let found = self.blocks.iter().enumerate().filter(of_section).nth(number - 1);
        let (at, block) = found.unwrap_or_else(|| panic!("the guide has no block {number} in `{section}`"));
        self.executed.lock().unwrap_or_else(PoisonError::into_inner).insert(at);
        block
    }

    /// The line of the heading that has `words` in it.
    pub(crate) fn heading(&self, words: &str) -> usize {
        let found = self.text.lines().position(|line| line.starts_with("##") && line.contains(words));
        found.unwrap_or_else(|| panic!("the guide has no heading with `{words}`"))
    }

    /// The blocks that nobody has executed, by line.
    pub(crate) fn left_out(&self) -> Vec<usize> {
        let executed = self.executed.lock().unwrap_or_else(PoisonError::into_inner);
        let all = self.blocks.iter().enumerate();
        let left = all.filter(|(at, block)| block.is_executable() && !executed.contains(at));
        left.map(|(_, block)| block.line).collect()
    }

    /// How many blocks can be executed.
    pub(crate) fn len(&self) -> usize {
        self.blocks.iter().filter(|block| block.is_executable()).count()
    }

    /// The paths that the list items of `section` name, in backticks.
    pub(crate) fn paths(&self, section: &str) -> Vec<&'static str> {
        let lines = self.text.lines().skip_while(|line| line.trim_start_matches('#').trim() != section).skip(1);
        let items = lines.take_while(|line| !line.starts_with("##")).filter(|line| line.starts_with("- **"));
        items.flat_map(|item| item.split('`').skip(1).step_by(2)).collect()
    }
}

#[test]
fn our_guide_has_the_sections_of_the_usual_one_and_its_links() {
    let [usual, ours] = [super::USUAL, super::OURS].map(|text| {
        let lines = text.lines().filter(|line| line.starts_with("##") || line.starts_with("- [")).collect::<Vec<_>>();
        assert!(lines.len() > 10);
        lines
    });
    assert_eq!(ours, usual);
}

#[test]
fn a_block_is_read_without_the_indentation_of_its_list() {
    let guide = Guide::new(
        "# A\n1. x\n\n   ```bash\n   one\n     two\n\n   three\n   ```\n## B\n```text\nno\n```\n```sh\nyes\n```\n",
    );
    assert_eq!(guide.block("A", 1).text, "one\n  two\n\nthree\n");
    assert_eq!(guide.left_out(), [14]);
    assert_eq!(guide.block("B", 1).text, "yes\n");
    assert_eq!((guide.left_out().len(), guide.len()), (0, 2));
}
