//! `/installation/repositories`, and what a workflow's token is to ghcr.io.

use pullpass_oci::Image;
use pullpass_testing::ghcr::{Ghcr, Policy, Token, Visibility};

use super::Site;

const ASKED: &str = "GET /installation/repositories?per_page=1";

// use `GET /installation/repositories?per_page=1` for them
#[tokio::test]
async fn only_installations_have_repositories_of_an_installation() {
    let site = Site::new().await;
    let workflow = site.ghcr.token("midokura", Token::workflow("midokura/app"));
    let found = site.tell(ASKED, &workflow).await;
    assert_eq!((found.status, &found.json()["repositories"][0]["full_name"]), (200, &"midokura/app".into()));
    let app = site.ghcr.token("midokura", Token::installation());
    assert_eq!(site.tell(ASKED, &app).await.json()["total_count"], 0);
    assert_eq!(site.tell(ASKED, &site.reader()).await.status, 403);
    assert_eq!(site.ask(ASKED, "").await.status, 401);
    // ghs_ dies with the job (U=401)
    site.ghcr.revoke(&workflow);
    assert_eq!(site.tell(ASKED, &workflow).await.status, 401);
}

fn with_packages(ghcr: Ghcr) -> Ghcr {
    let image = Image::with_file("amd64", "hello", b"hello");
    let described =
        [("linked", Some("midokura/app"), None), ("shared", None, Some("midokura/app")), ("other", None, None)];
    described.into_iter().fold(ghcr.organization("others", &[]), |ghcr, (name, linked, shared)| {
        let ghcr = ghcr.package(&format!("midokura/{name}"), Visibility::Private, &[]).image("v1", &image);
        let ghcr = linked.into_iter().fold(ghcr, Ghcr::linked_to);
        shared.into_iter().fold(ghcr, Ghcr::actions_access)
    })
}

// Actions GITHUB_TOKEN | own repo's package, or repo added under "Manage Actions access"; `permission_denied:
// write_package` from CI though packages: write is set; `The requested installation does not exist.`: other org
#[tokio::test]
async fn a_workflow_uses_the_packages_of_its_repository_and_those_that_let_it() {
    let site = Site::with(with_packages).await;
    let own = site.ghcr.token("midokura", Token::workflow("midokura/app"));
    let foreign = site.ghcr.token("others", Token::workflow("others/fork"));
    let mut table = String::new();
    for (whose, token) in [("own", &own), ("foreign", &foreign)] {
        for name in ["linked", "shared", "other", "new"] {
            for asked in
                [format!("GET /v2/midokura/{name}/manifests/v1"), format!("POST /v2/midokura/{name}/blobs/uploads/")]
            {
                let answer = site.pull(&asked, token).await;
                let said = if answer.status < 400 { String::new() } else { format!(" {}", answer.message()) };
                table.push_str(&format!("{whose} {name} {}{said}\n", answer.status));
            }
        }
    }
    insta::assert_snapshot!(table, @"
    own linked 200
    own linked 202
    own shared 200
    own shared 202
    own other 403 installation not allowed to Read organization package
    own other 403 permission_denied: write_package
    own new 403 installation not allowed to Read organization package
    own new 202
    foreign linked 403 permission_denied: The requested installation does not exist.
    foreign linked 403 permission_denied: The requested installation does not exist.
    foreign shared 403 permission_denied: The requested installation does not exist.
    foreign shared 403 permission_denied: The requested installation does not exist.
    foreign other 403 permission_denied: The requested installation does not exist.
    foreign other 403 permission_denied: The requested installation does not exist.
    foreign new 403 permission_denied: The requested installation does not exist.
    foreign new 403 permission_denied: The requested installation does not exist.
    ");
    site.ghcr.revoke(&own);
    assert_eq!(site.pull("GET /v2/midokura/linked/manifests/v1", &own).await.status, 401, "the job has ended");
}

// `permission_denied: create_package` / `installation not allowed to Create organization package`
#[tokio::test]
async fn an_organization_may_forbid_new_packages() {
    let site = Site::with(|ghcr| with_packages(ghcr).policy("midokura", Policy::NoPackageCreation)).await;
    let create = "POST /v2/midokura/new/blobs/uploads/";
    let member = site.ghcr.token("octocat", Token::classic(&["write:packages"]));
    assert_eq!(site.pull(create, &member).await.message(), "permission_denied: create_package");
    let workflow = site.ghcr.token("midokura", Token::workflow("midokura/app"));
    let refused = site.pull(create, &workflow).await.message();
    assert_eq!(refused, "installation not allowed to Create organization package");
    assert_eq!(site.pull("POST /v2/midokura/linked/blobs/uploads/", &workflow).await.status, 202);
}
