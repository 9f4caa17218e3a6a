//! The administration socket, both ends.

use std::{
    fs, io,
    os::{fd::AsRawFd, unix::fs::PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
    time,
};
use zeroize::Zeroizing;

use super::{Desk, Error, Request, Response};
use crate::error::Error as ServerError;

/// How many bytes a request has at most.
const MAX_REQUEST: u64 = 64 * 1024;

/// How long a client may take to ask.
const ASK: Duration = Duration::from_secs(10);

/// How long a client waits for an answer; a password takes a good part of a second.
const ANSWER: Duration = Duration::from_secs(30);

/// The same when every blob is read first.
const CHECK: Duration = Duration::from_secs(24 * 60 * 60);

/// Listens at `path`, 0600. The caller holds the lock, so what is there now is nobody's.
pub(crate) fn listen(path: &Path) -> Result<UnixListener, ServerError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(ServerError::io(path)(error)),
        _ => {}
    }
    let reach = Reach::to(path).map_err(ServerError::io(path))?;
    let listener = UnixListener::bind(reach.path()).map_err(ServerError::io(path))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(ServerError::io(path))?;
    Ok(listener)
}

/// A socket's path is limited to 107 bytes, that of a directory is not: a long one is reached through an open handle.
enum Reach<'a> {
    Directly(&'a Path),
    Through { path: PathBuf, _directory: fs::File },
}

impl Reach<'_> {
    fn to(path: &Path) -> io::Result<Reach<'_>> {
        let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else { return Ok(Reach::Directly(path)) };
        if path.as_os_str().len() <= 107 {
            return Ok(Reach::Directly(path));
        }
        let directory = fs::File::open(directory)?;
        let path = PathBuf::from(format!("/proc/self/fd/{}", directory.as_raw_fd())).join(name);
        Ok(Reach::Through { path, _directory: directory })
    }

    fn path(&self) -> &Path {
        match self {
            Reach::Directly(path) => path,
            Reach::Through { path, .. } => path,
        }
    }
}

/// Answers whoever connects, for ever.
pub(crate) async fn serve(listener: UnixListener, desk: Arc<Desk>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let desk = Arc::clone(&desk);
                tokio::spawn(async move {
                    if let Err(error) = answer(stream, &desk).await {
                        tracing::warn!(%error, "an administration request failed");
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "could not accept on the administration socket");
                time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn answer(stream: UnixStream, desk: &Desk) -> io::Result<()> {
    let peer = stream.peer_cred()?.uid();
    if peer != 0 && peer != rustix::process::geteuid().as_raw() {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, format!("user {peer} is not this server's")));
    }
    let mut stream = BufReader::new(stream);
    let mut line = Zeroizing::new(Vec::new());
    time::timeout(ASK, (&mut stream).take(MAX_REQUEST).read_until(b'\n', &mut line)).await??;
    let answer: Result<Response, String> = match serde_json::from_slice::<Request>(&line) {
        Ok(request) => desk.handle(&request).await.map_err(|error| error.to_string()),
        Err(error) => Err(format!("the server does not understand the request: {error}")),
    };
    let mut line = Zeroizing::new(serde_json::to_vec(&answer)?);
    line.push(b'\n');
    stream.write_all(&line).await?;
    stream.flush().await
}

/// Connects to a server.
pub(super) async fn connect(path: &Path) -> io::Result<UnixStream> {
    let reach = Reach::to(path)?;
    UnixStream::connect(reach.path()).await
}

/// Sends `request` to the server of `data` and waits for what it says.
pub(super) async fn exchange(mut stream: UnixStream, data: &Path, request: &Request) -> Result<Response, Error> {
    let no_answer = |error: io::Error| Error::NoAnswer { data: data.to_owned(), reason: error.to_string() };
    let answer = async {
        let mut line = Zeroizing::new(serde_json::to_vec(request)?);
        line.push(b'\n');
        stream.write_all(&line).await?;
        let mut answer = Zeroizing::new(Vec::new());
        stream.read_to_end(&mut answer).await?;
        Ok::<Result<Response, String>, io::Error>(serde_json::from_slice(&answer)?)
    };
    let limit = if matches!(request, Request::Check) { CHECK } else { ANSWER };
    match time::timeout(limit, answer).await {
        Ok(answer) => answer.map_err(no_answer)?.map_err(Error::Refused),
        Err(_) => Err(no_answer(io::ErrorKind::TimedOut.into())),
    }
}
