use std::net::SocketAddr;

use pullpass_server::{Config, Tls};

fn config(listen: &str) -> Config {
    Config::new("unused".into(), listen.parse::<SocketAddr>().expect("an address"))
}

#[test]
fn loopback_needs_nothing_more() {
    for listen in ["127.0.0.1:5000", "127.9.9.9:0", "[::1]:5000"] {
        config(listen).validate().unwrap();
    }
}

#[test]
fn any_other_address_needs_a_url() {
    for listen in ["0.0.0.0:5000", "[::]:5000", "192.0.2.1:443"] {
        let error = Config { tls: Tls::Dev, ..config(listen) }.validate().unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("`{listen}` is no loopback address: say with `--url` under which URL clients reach it")
        );
    }
}

#[test]
fn plain_http_elsewhere_must_be_asked_for() {
    let open = Config { url: Some("http://registry.example".parse().unwrap()), ..config("0.0.0.0:80") };
    let error = open.validate().unwrap_err();
    assert!(error.to_string().contains("`--allow-plain-http`"), "{error}");
    Config { allow_plain_http: true, ..open.clone() }.validate().unwrap();
    let secure = Config { tls: Tls::Dev, url: Some("https://registry.example".parse().unwrap()), ..open };
    secure.validate().unwrap();
}

#[test]
fn clients_of_a_tls_server_are_not_sent_to_plain_http() {
    let config = Config { tls: Tls::Dev, url: Some("http://r.example".parse().unwrap()), ..config("127.0.0.1:0") };
    assert!(config.validate().unwrap_err().to_string().contains("speaks TLS"));
}

#[test]
fn a_url_is_a_base_and_an_error_does_not_repeat_a_password() {
    for url in ["https://r.example/path", "https://r.example/?q", "ftp://r.example", "https://me:hunter22@r.example"] {
        let error = Config { url: Some(url.parse().unwrap()), ..config("127.0.0.1:0") }.validate().unwrap_err();
        assert!(error.to_string().contains("r.example"), "{error}");
        assert!(!error.to_string().contains("hunter22"), "{error}");
    }
}

#[test]
fn a_service_cannot_break_out_of_the_challenge() {
    for service in ["", "a\"b", "a\\b", "a\r\nb", "é"] {
        let config = Config { service: Some(service.to_owned()), ..config("127.0.0.1:0") };
        assert!(config.validate().is_err(), "{service}");
    }
}
