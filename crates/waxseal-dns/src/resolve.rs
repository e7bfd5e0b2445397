//! The resolver traits.

use crate::{Question, Reply};
use std::{future::Future, pin::Pin};

/// An asynchronous resolver. Implementors write `async fn resolve`.
pub trait Resolve: Send + Sync {
    /// Looks `q` up, following CNAME.
    fn resolve(&self, q: &Question) -> impl Future<Output = Reply> + Send;
    /// What a cache already holds, so that a warm check is one run.
    fn cached(&self, _q: &Question) -> Option<Reply> {
        None
    }
}

/// The object-safe twin of [`Resolve`].
pub trait DynResolve: Send + Sync {
    /// [`Resolve::resolve`], boxed.
    fn resolve_boxed<'a>(&'a self, q: &'a Question) -> Pin<Box<dyn Future<Output = Reply> + Send + 'a>>;
    /// [`Resolve::cached`].
    fn cached_dyn(&self, q: &Question) -> Option<Reply>;
}

impl<R: Resolve> DynResolve for R {
    fn resolve_boxed<'a>(&'a self, q: &'a Question) -> Pin<Box<dyn Future<Output = Reply> + Send + 'a>> {
        Box::pin(self.resolve(q))
    }
    fn cached_dyn(&self, q: &Question) -> Option<Reply> {
        self.cached(q)
    }
}

impl Resolve for dyn DynResolve + '_ {
    async fn resolve(&self, q: &Question) -> Reply {
        self.resolve_boxed(q).await
    }
    fn cached(&self, q: &Question) -> Option<Reply> {
        self.cached_dyn(q)
    }
}

/// A blocking resolver; closures are resolvers too.
pub trait ResolveBlocking {
    /// Looks `q` up, following CNAME.
    fn resolve_blocking(&self, q: &Question) -> Reply;
}

impl<F: Fn(&Question) -> Reply> ResolveBlocking for F {
    fn resolve_blocking(&self, q: &Question) -> Reply {
        self(q)
    }
}
