//! Ansible Vault 1.1 and 1.2, as `ansible-core` reads and writes it (`lib/ansible/parsing/vault/__init__.py`):
//!
//! ```text
//! $ANSIBLE_VAULT;1.1;AES256                  without a label
//! $ANSIBLE_VAULT;1.2;AES256;LABEL            with one
//! hex( hex(salt) \n hex(mac) \n hex(text) )  in lines of 80
//! ```
//!
//! PBKDF2-HMAC-SHA256 with 10,000 rounds makes 80 bytes of the password and a salt of 32 bytes: the AES-256 key, the MAC
//! key and the first counter block. The text is padded (PKCS #7), encrypted in CTR mode, then authenticated.

use std::fmt::Write;

use aes::{Aes256, cipher::KeyIvInit, cipher::StreamCipher};
use ctr::Ctr128BE;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256, block_api::compress256};
use zeroize::Zeroizing;

pub use password::{DEFAULT_LABEL, Password, Passwords};

pub mod ansible_cfg;
mod password;
pub mod vault_id;

const HEADER: &[u8] = b"$ANSIBLE_VAULT";
const CIPHER: &str = "AES256";
const ROUNDS: u32 = 10_000;
const LINE: usize = 80;
const BLOCK: usize = 16;
const MAC_LEN: usize = 32;

/// Why a payload could not be made or opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// Nothing but whitespace was given as the password.
    #[error("the vault password is empty")]
    EmptyPassword,
    /// A label that Ansible could not read back.
    #[error("`{0}` cannot be a vault label: it takes ASCII without `;`, line breaks, or blanks at its ends")]
    Label(String),
    /// The system gives no random bytes.
    #[error("no random bytes: {0}")]
    Random(String),
    /// It does not begin with `$ANSIBLE_VAULT` and a version and a cipher, or is not ASCII.
    #[error("not Ansible Vault data: it does not begin with a line like `$ANSIBLE_VAULT;1.1;AES256`")]
    NotVault,
    /// A cipher other than AES256.
    #[error("unknown vault cipher `{0}`: only `AES256` is in use")]
    Cipher(String),
    /// The whole payload on the header's line, as a YAML formatter leaves it that turned `|` into `>`.
    #[error("the lines of this vault payload were folded into one: its block must begin with `|`, not `>`")]
    Folded,
    /// A line that is not hexadecimal digits only; the header is line 1.
    #[error("line {0} of the vault payload is not hexadecimal: blanks or other characters got into it")]
    Hex(usize),
    /// Digits are missing.
    #[error("the vault payload was cut off")]
    Truncated,
    /// The MAC is another one: a wrong password, or digits that were changed.
    #[error("wrong vault password, or the payload was damaged")]
    WrongPassword,
    /// Passwords under other labels must not be tried, and there is none under this one.
    #[error("no vault password is labelled `{0}`, and others are not tried")]
    NoPassword(String),
    /// Authentic, and yet not padded as it must be.
    #[error("the vault payload was made by a faulty program: its padding is corrupt")]
    Padding,
}

/// Whether `payload` claims to be vault data. It must begin with the first byte: Ansible allows no blank before it.
pub fn is_encrypted(payload: &[u8]) -> bool {
    payload.starts_with(HEADER)
}

/// The label (vault id) in the header, to encrypt a new value under the same one.
pub fn label(payload: &[u8]) -> Option<String> {
    let header = lines(payload).next().filter(|_| is_encrypted(payload))?;
    let label = std::str::from_utf8(header).ok()?.split(';').nth(3)?.trim();
    (!label.is_empty()).then(|| label.to_owned())
}

/// Whether anything is wrong with a payload that no password could mend: its header, its digits, their number.
///
/// # Errors
/// Those of [`decrypt`] that are not about a password.
pub fn check(payload: &[u8]) -> Result<(), VaultError> {
    parts(payload).map(drop)
}

/// The payload in a piece of YAML, from `$ANSIBLE_VAULT` on and without the indentation, for who pastes a value as it
/// stands in an inventory. Anything else comes back as it is.
pub fn unindent(text: &[u8]) -> Vec<u8> {
    let Some(start) = text.windows(HEADER.len()).position(|window| window == HEADER) else { return text.to_owned() };
    text[start..].split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).collect::<Vec<_>>().join(&b'\n')
}

/// Encrypts, under a fresh salt. The result is ASCII, in lines that all end in `\n`. No label and the label `default`
/// make format 1.1, any other 1.2.
///
/// # Errors
/// [`VaultError::Label`], [`VaultError::Random`].
pub fn encrypt(plaintext: &[u8], password: &Password, label: Option<&str>) -> Result<String, VaultError> {
    let mut salt = [0; 32];
    getrandom::fill(&mut salt).map_err(|error| VaultError::Random(error.to_string()))?;
    encrypt_with_salt(plaintext, password, label, &salt)
}

/// [`encrypt`] under a salt of the caller's: for comparison with other programs only. A salt that is used twice under one
/// password gives away the XOR of the two plaintexts.
///
/// # Errors
/// [`VaultError::Label`].
pub fn encrypt_with_salt(
    plaintext: &[u8],
    password: &Password,
    label: Option<&str>,
    salt: &[u8; 32],
) -> Result<String, VaultError> {
    let mut payload = match label {
        None | Some(DEFAULT_LABEL) => format!("$ANSIBLE_VAULT;1.1;{CIPHER}\n"),
        Some(label) if is_label(label) => format!("$ANSIBLE_VAULT;1.2;{CIPHER};{label}\n"),
        Some(label) => return Err(VaultError::Label(label.to_owned())),
    };
    let padding = BLOCK - plaintext.len() % BLOCK;
    let mut text = Zeroizing::new(Vec::with_capacity(plaintext.len() + padding));
    text.extend_from_slice(plaintext);
    text.resize(plaintext.len() + padding, padding as u8);
    apply_cipher(&mut text, password, salt);
    let mac = authenticate(&text, password, salt).finalize().into_bytes();
    let inner = format!("{}\n{}\n{}", hex::encode(salt), hex::encode(mac), hex::encode(text.as_slice()));
    for (at, byte) in inner.bytes().enumerate() {
        if at > 0 && at % (LINE / 2) == 0 {
            payload.push('\n');
        }
        // Writing to a String cannot fail.
        let _ = write!(payload, "{byte:02x}");
    }
    payload.push('\n');
    Ok(payload)
}

/// Decrypts, accepting what Ansible accepts: any line ends and widths, blank lines, upper-case digits, any version and
/// label. Nothing is decrypted before the MAC is verified.
///
/// # Errors
/// Everything in [`VaultError`] that is said of payloads.
pub fn decrypt(payload: &[u8], password: &Password) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    let [salt, mac, mut text] = parts(payload)?;
    authenticate(&text, password, &salt).verify_slice(&mac).map_err(|_| VaultError::WrongPassword)?;
    apply_cipher(&mut text, password, &salt);
    let padding = text.last().map_or(0, |last| usize::from(*last));
    let is_padded =
        (1..=BLOCK).contains(&padding) && text[text.len() - padding..].iter().all(|byte| usize::from(*byte) == padding);
    if !is_padded {
        return Err(VaultError::Padding);
    }
    text.truncate(text.len() - padding);
    Ok(Zeroizing::new(text))
}

/// Ansible encrypts under any label, but opens only those that its header parser gives back unchanged.
fn is_label(label: &str) -> bool {
    let is_plain = |character: char| character.is_ascii() && !character.is_ascii_control() && character != ';';
    !label.is_empty() && label.trim() == label && label.chars().all(is_plain)
}

/// Lines as Python splits them: at `\n`, `\r\n` and `\r`. An `\r\n` makes an extra empty line here, which no caller
/// minds but the one who counts.
fn lines(payload: &[u8]) -> impl Iterator<Item = &[u8]> {
    payload.split(|byte| matches!(byte, b'\n' | b'\r'))
}

/// Salt, MAC and encrypted text, which is one block or more.
fn parts(payload: &[u8]) -> Result<[Vec<u8>; 3], VaultError> {
    if !is_encrypted(payload) || !payload.is_ascii() {
        return Err(VaultError::NotVault);
    }
    let header = String::from_utf8_lossy(lines(payload).next().unwrap_or_default());
    let fields: Vec<&str> = header.split(';').map(str::trim).collect();
    let [_, _, cipher, ..] = fields[..] else { return Err(VaultError::NotVault) };
    let has_body = payload.trim_ascii_end().len() > header.len();
    let last_word = header.trim_end().rsplit_once(' ').map_or("", |(_, word)| word);
    if !has_body && !last_word.is_empty() && last_word.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(VaultError::Folded);
    }
    if cipher != CIPHER {
        return Err(VaultError::Cipher(cipher.to_owned()));
    }
    let mut digits = Vec::with_capacity(payload.len());
    // Here `\r\n` must count as one line end, so that an error names the line that an editor shows.
    let mut number = 1;
    let mut rest = &payload[header.len()..];
    while let Some((&byte, after)) = rest.split_first() {
        match byte {
            b'\n' | b'\r' => {
                number += 1;
                rest = if byte == b'\r' { after.strip_prefix(b"\n").unwrap_or(after) } else { after };
                continue;
            }
            _ if byte.is_ascii_hexdigit() => digits.push(byte),
            _ => return Err(VaultError::Hex(number)),
        }
        rest = after;
    }
    let inner = hex::decode(digits).map_err(|_| VaultError::Truncated)?;
    let mut parts = inner.splitn(3, |byte| *byte == b'\n').map(hex::decode);
    match (parts.next(), parts.next(), parts.next()) {
        (Some(Ok(salt)), Some(Ok(mac)), Some(Ok(text)))
            if mac.len() == MAC_LEN && !text.is_empty() && text.len() % BLOCK == 0 =>
        {
            Ok([salt, mac, text])
        }
        _ => Err(VaultError::Truncated),
    }
}

fn authenticate(text: &[u8], password: &Password, salt: &[u8]) -> Hmac<Sha256> {
    let mut mac = keyed_mac(&pad_key(&*derive(password, salt, 2)));
    mac.update(text);
    mac
}

fn apply_cipher(text: &mut [u8], password: &Password, salt: &[u8]) {
    let key = derive(password, salt, 1);
    let mut counter = Zeroizing::new([0; BLOCK]);
    counter.copy_from_slice(&derive(password, salt, 3)[..BLOCK]);
    Ctr128BE::<Aes256>::new(&(*key).into(), &(*counter).into()).apply_keystream(text);
}

/// A key as HMAC takes it: hashed when it is longer than a block, then padded with zeros.
fn pad_key(key: &[u8]) -> Zeroizing<[u8; 64]> {
    let mut block = Zeroizing::new([0; 64]);
    if key.len() > block.len() {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    block
}

fn keyed_mac(key: &[u8; 64]) -> Hmac<Sha256> {
    hmac::KeyInit::new(&(*key).into())
}

/// The state of SHA-256 after HMAC's first block of the inner (`0x36`) or outer (`0x5c`) hash.
fn keyed_state(key: &[u8; 64], pad: u8) -> [u32; 8] {
    // FIPS 180-4, 5.3.3.
    let mut state =
        [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];
    let block = Zeroizing::new(key.map(|byte| byte ^ pad));
    compress256(&mut state, &[*block]);
    state
}

/// Block `index` (from 1) of PBKDF2-HMAC-SHA256 (RFC 8018, 5.2).
///
/// Blocks are independent, and the second is the MAC key: made alone, it tells a wrong password for a third of the work.
/// A crate gives them from the first on only. The rounds work on bare SHA-256 states, since nothing else varies between
/// them: six tenths of the time of [`Hmac`].
fn derive(password: &Password, salt: &[u8], index: u32) -> Zeroizing<[u8; 32]> {
    let key = pad_key(&password.0);
    let mut first = keyed_mac(&key);
    first.update(salt);
    first.update(&index.to_be_bytes());
    let mut sum = Zeroizing::new([0; 32]);
    sum.copy_from_slice(&first.finalize().into_bytes());

    let inner = Zeroizing::new(keyed_state(&key, 0x36));
    let outer = Zeroizing::new(keyed_state(&key, 0x5c));
    // Each round hashes the 32 bytes before it: one block, with the padding of a message of 64 + 32 bytes (768 bits).
    let mut block = Zeroizing::new([0; 64]);
    block[..32].copy_from_slice(sum.as_slice());
    block[32] = 0x80;
    block[62] = 0x03;
    for _ in 1..ROUNDS {
        for keyed in [&inner, &outer] {
            let mut state = **keyed;
            compress256(&mut state, &[*block]);
            // All at once: stored word by word, the next hash would wait for them for a third of the whole time.
            block[..32].copy_from_slice(state.map(u32::to_be_bytes).as_flattened());
        }
        for (total, byte) in sum.iter_mut().zip(*block) {
            *total ^= byte;
        }
    }
    sum
}
