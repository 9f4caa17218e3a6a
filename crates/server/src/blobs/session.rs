//! Upload sessions: between the POST that opens one and the PUT that closes it. A session belongs to one package and one
//! personal access token; for anybody else it does not exist.

use std::{
    collections::HashMap,
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use axum::body::Body;
use bytes::BytesMut;
use http_body_util::BodyExt;
use pullpass_oci::{Digest, RepositoryName};
use tokio::{
    sync::{Mutex as AsyncMutex, OwnedMutexGuard},
    task,
};
use uuid::Uuid;

use super::{BlobStore, Incoming, PublishError, Published};
use crate::{
    auth::decision::{Permit, Push},
    clock::Clock,
};

/// How many bytes are gathered before they are hashed and written.
const WRITE_CHUNK: usize = 512 * 1024;

/// How long a session may lie idle, in milliseconds.
const IDLE: i64 = 60 * 60 * 1000;

/// How many sessions one token may have open.
const MAX_PER_PAT: usize = 100;

/// Why an upload does not go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UploadError {
    #[error("too many uploads are open with this token: finish or cancel some")]
    TooMany,
    #[error("another request is writing to this upload")]
    Busy,
    #[error("the request body did not arrive whole: {0}")]
    Body(axum::Error),
    #[error("the content has another digest")]
    Digest,
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl From<PublishError> for UploadError {
    fn from(error: PublishError) -> UploadError {
        match error {
            PublishError::Digest => UploadError::Digest,
            PublishError::Io(source) => UploadError::Io(source),
        }
    }
}

/// One open upload.
pub(crate) struct Session {
    id: Uuid,
    package: RepositoryName,
    holder: i64,
    size: AtomicU64,
    touched: AtomicI64,
    /// Empty once it is published or cancelled.
    incoming: Arc<AsyncMutex<Option<Incoming>>>,
}

impl Session {
    pub(crate) fn id(&self) -> Uuid {
        self.id
    }

    /// How many bytes are written.
    pub(crate) fn size(&self) -> u64 {
        self.size.load(Ordering::Acquire)
    }

    /// An upload that is being written to is not idle, however slow it is.
    fn is_idle(&self, now: i64) -> bool {
        now - self.touched.load(Ordering::Relaxed) > IDLE && self.writer().is_ok()
    }

    fn writer(&self) -> Result<OwnedMutexGuard<Option<Incoming>>, UploadError> {
        Arc::clone(&self.incoming).try_lock_owned().map_err(|_| UploadError::Busy)
    }
}

/// Every open upload.
pub(crate) struct Sessions {
    store: BlobStore,
    clock: Clock,
    open: Arc<Open>,
}

impl Sessions {
    pub(crate) fn new(store: BlobStore, clock: Clock) -> Sessions {
        Sessions { store, clock, open: Arc::default() }
    }

    /// Opens an upload into the package.
    pub(crate) fn begin(&self, permit: &Permit<Push>) -> Result<Arc<Session>, UploadError> {
        self.sweep();
        let id = Uuid::new_v4();
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.values().filter(|session| session.holder == permit.holder()).count() >= MAX_PER_PAT {
            return Err(UploadError::TooMany);
        }
        let session = Arc::new(Session {
            id,
            package: permit.name().clone(),
            holder: permit.holder(),
            size: AtomicU64::new(0),
            touched: AtomicI64::new((self.clock)()),
            incoming: Arc::new(AsyncMutex::new(Some(self.store.begin(id)?))),
        });
        open.insert(id, Arc::clone(&session));
        Ok(session)
    }

    /// The upload with this id, when it is the permit holder's and into this package.
    pub(crate) fn find(&self, permit: &Permit<Push>, id: &str) -> Option<Arc<Session>> {
        let id = Uuid::parse_str(id).ok()?;
        let session = self.open.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()?;
        let now = (self.clock)();
        let fits = session.package == *permit.name() && session.holder == permit.holder();
        (fits && !session.is_idle(now)).then(|| {
            session.touched.store(now, Ordering::Relaxed);
            session
        })
    }

    /// Adds a request body as it arrives. What arrived before an error is kept: the client can ask how much, and go on.
    pub(crate) async fn append(&self, session: &Arc<Session>, body: Body) -> Result<(), UploadError> {
        let guard = session.writer()?;
        let (_, result) = self.receive(session, guard, body).await?;
        session.touched.store((self.clock)(), Ordering::Relaxed);
        result
    }

    /// Publishes a blob that comes in one request. Its session has no name outside, so it ends here in any case, also
    /// when the client goes away.
    pub(crate) async fn take_whole(
        &self,
        permit: &Permit<Push>,
        body: Body,
        digest: &Digest,
    ) -> Result<Published, UploadError> {
        struct Ends<'a>(&'a Sessions, Arc<Session>);
        impl Drop for Ends<'_> {
            fn drop(&mut self) {
                self.0.forget(&self.1);
            }
        }
        let session = Ends(self, self.begin(permit)?);
        self.finish(&session.1, body, digest).await
    }

    /// Adds the last bytes and publishes the blob. The upload is over when it succeeds or the content is not `digest`.
    pub(crate) async fn finish(
        &self,
        session: &Arc<Session>,
        body: Body,
        digest: &Digest,
    ) -> Result<Published, UploadError> {
        let guard = session.writer()?;
        let (mut guard, result) = self.receive(session, guard, body).await?;
        result?;
        let incoming = guard.take().ok_or(UploadError::Busy)?;
        let (store, open, id, digest) = (self.store.clone(), Arc::clone(&self.open), session.id, digest.clone());
        let publish = move || {
            let published = store.publish(incoming, &digest);
            // Only now, so that a file in `uploads/` has a session for as long as it is there.
            forget(&open, id);
            published
        };
        Ok(blocking(publish).await??)
    }

    /// Writes a body. An upload whose bytes the disk does not take is over, and its file gone: a full disk must not stay
    /// full with what nobody can finish.
    async fn receive(
        &self,
        session: &Arc<Session>,
        writer: Writer,
        body: Body,
    ) -> Result<(Writer, Result<(), UploadError>), UploadError> {
        let received = receive(session, writer, body).await;
        if matches!(received, Err(UploadError::Io(_))) {
            self.forget(session);
        }
        received
    }

    /// Throws an upload away.
    pub(crate) fn cancel(&self, session: &Session) -> Result<(), UploadError> {
        session.writer()?.take();
        self.forget(session);
        Ok(())
    }

    /// Throws away what nobody has touched for long.
    pub(crate) fn sweep(&self) {
        let now = (self.clock)();
        self.open.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, session| !session.is_idle(now));
    }

    /// Whether the file `name` in `uploads/` belongs to an open upload.
    pub(crate) fn owns(&self, name: &str) -> bool {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        Uuid::parse_str(name).is_ok_and(|id| open.contains_key(&id))
    }

    fn forget(&self, session: &Session) {
        forget(&self.open, session.id);
    }
}

type Open = Mutex<HashMap<Uuid, Arc<Session>>>;

fn forget(open: &Open, id: Uuid) {
    open.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
}

type Writer = OwnedMutexGuard<Option<Incoming>>;

/// Writes the whole body, and gives the file back beside what became of the body.
async fn receive(
    session: &Arc<Session>,
    mut writer: Writer,
    mut body: Body,
) -> Result<(Writer, Result<(), UploadError>), UploadError> {
    let mut buffer = BytesMut::new();
    loop {
        let frame = body.frame().await;
        match frame {
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    buffer.extend_from_slice(&data);
                }
                if buffer.len() >= WRITE_CHUNK {
                    writer = write(session, writer, buffer.split()).await?;
                }
            }
            Some(Err(error)) => return Ok((write(session, writer, buffer).await?, Err(UploadError::Body(error)))),
            None => return Ok((write(session, writer, buffer).await?, Ok(()))),
        }
    }
}

async fn write(session: &Arc<Session>, mut writer: Writer, bytes: BytesMut) -> Result<Writer, UploadError> {
    if bytes.is_empty() {
        return Ok(writer);
    }
    let session = Arc::clone(session);
    blocking(move || {
        let appended = writer.as_mut().ok_or(UploadError::Busy)?.append(&bytes);
        let size = appended.inspect_err(|_| *writer = None)?;
        // Here and not after the wait: the request may be gone by then, and the bytes are there all the same.
        session.size.store(size, Ordering::Release);
        Ok(writer)
    })
    .await?
}

/// Runs file work where it may block. It is finished even when the request is gone.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
    task::spawn_blocking(work).await.map_err(io::Error::other)
}
