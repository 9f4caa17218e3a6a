//! The proxy of a company.

use pullpass_testing::canned::{self, Canned};
use pullpass_testing::proxy::Proxy;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

#[tokio::test]
async fn it_leads_where_it_may_and_remembers_the_rest_too() {
    let server = Canned::start(|_| canned::json(200, "{}")).await;
    let hosts = [("ghcr.io", server.address())];
    let proxy = Proxy::start_at(([127, 0, 0, 1], 0).into(), &hosts).await.expect("a free loopback port");
    let through = async |target: &str| {
        let address = proxy.url().trim_start_matches("http://").to_owned();
        let mut stream = TcpStream::connect(address).await.expect("a listening proxy");
        let head = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n");
        let request = "GET /v2/ HTTP/1.1\r\nHost: ghcr.io\r\nConnection: close\r\n\r\n";
        stream.write_all(format!("{head}{request}").as_bytes()).await.expect("a proxy that reads");
        let mut answer = String::new();
        // A refused tunnel is closed with the request unread.
        let _end = stream.read_to_string(&mut answer).await;
        answer
    };
    let led = through("ghcr.io:443").await;
    assert!(led.starts_with("HTTP/1.1 200 Connection established\r\n\r\nHTTP/1.1 200 OK\r\n"), "{led}");
    assert_eq!(server.log(), ["GET /v2/"]);
    through("evil.example:443").await;
    assert_eq!(server.log().len(), 1);
    assert_eq!(proxy.asked(), ["CONNECT ghcr.io:443", "CONNECT evil.example:443"]);
}
