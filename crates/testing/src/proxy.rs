//! A proxy as companies have them: it tunnels (`CONNECT`, RFC 9110 section 9.3.6), knows where the hosts are that it lets
//! people reach, and remembers what it was asked for.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, copy_bidirectional},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// A running proxy. Dropping it closes its port and every tunnel.
pub struct Proxy {
    address: SocketAddr,
    asked: Asked,
    accepting: tokio::task::JoinHandle<()>,
}

type Asked = Arc<Mutex<Vec<String>>>;

impl Proxy {
    /// Listens at `address`. `hosts` are the names that it resolves, to port 443 of what they are here.
    ///
    /// # Errors
    /// When `address` is taken or not ours.
    pub async fn start_at(address: SocketAddr, hosts: &[(&str, SocketAddr)]) -> io::Result<Proxy> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let asked = Asked::default();
        let hosts: HashMap<String, SocketAddr> =
            hosts.iter().map(|(name, address)| (format!("{name}:443"), *address)).collect();
        let (hosts, remembered) = (Arc::new(hosts), Arc::clone(&asked));
        let accepting = tokio::spawn(async move {
            // Dropped with this task, and every tunnel with it.
            let mut tunnels = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                tunnels.spawn(tunnel(stream, Arc::clone(&hosts), Arc::clone(&remembered)));
            }
        });
        Ok(Proxy { address, asked, accepting })
    }

    /// What `HTTPS_PROXY` has to be.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// `METHOD HOST:PORT` of everything that it was asked for, in the order of arrival.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn tunnel(stream: TcpStream, hosts: Arc<HashMap<String, SocketAddr>>, asked: Asked) -> io::Result<()> {
    let mut client = BufReader::new(stream);
    let mut first = String::new();
    client.read_line(&mut first).await?;
    let mut header = String::new();
    while client.read_line(&mut header).await? > 2 {
        header.clear();
    }
    let (request, _version) = first.trim_end().rsplit_once(' ').unwrap_or_default();
    asked.lock().unwrap_or_else(PoisonError::into_inner).push(request.to_owned());
    match request.strip_prefix("CONNECT ").and_then(|target| hosts.get(target)) {
        Some(address) => {
            let mut server = TcpStream::connect(address).await?;
            client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
            copy_bidirectional(&mut client, &mut server).await.map(drop)
        }
        None => client.write_all(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n").await,
    }
}
