//! Every route of the server.

use std::{sync::Arc, time::Duration};

use axum::{Router, middleware, response::Response, routing::any};
use http::StatusCode;
use pullpass_oci::ErrorCode;
use tower_http::timeout::RequestBodyTimeoutLayer;

use crate::{app::App, auth::token, registry, registry::answer::Failure, request_log};

/// The routes. Names of repositories have slashes, so `/v2` reads its paths itself (`pullpass_oci::Route`).
pub(crate) fn router(app: Arc<App>, body_timeout: Duration) -> Router {
    let fallback = {
        let app = Arc::clone(&app);
        move || async move { nothing_here(&app) }
    };
    Router::new()
        .route("/token", any(token::handle))
        .route("/v2", any(registry::handle))
        .route("/v2/", any(registry::handle))
        .route("/v2/{*rest}", any(registry::handle))
        .fallback(fallback)
        .layer(middleware::from_fn(request_log::layer))
        .layer(RequestBodyTimeoutLayer::new(body_timeout))
        .with_state(app)
}

fn nothing_here(app: &App) -> Response {
    let message = "there is nothing here: the registry is below `/v2/`".to_owned();
    Failure::new(StatusCode::NOT_FOUND, ErrorCode::Unsupported, message).into_response(&app.challenger)
}
