use crate::support::Running;
#[tokio::test(flavor = "multi_thread")]
async fn trial() {
    let server = Running::start().await;
    let alice = server.alice().await;
    server.user("bob").await;
    let bob = server.token("bob", &crate::support::ALL, None).await;
    std::fs::write("/tmp/trial-server.env", format!("A={} P={} B={}\n", server.address, alice.text, bob.text)).unwrap();
    for _ in 0..1200 {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        if std::path::Path::new("/tmp/trial-server.stop").exists() {
            break;
        }
    }
    eprintln!("{}", crate::support::logs().lines().filter(|l| l.contains("path=")).collect::<Vec<_>>().join("\n"));
    server.stop().await;
}
