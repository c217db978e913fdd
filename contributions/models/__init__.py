"""One noun a file: rows, constraints, querysets, moves."""

from .advisory import Advisory as Advisory
from .attestation import Attestation as Attestation
from .blob import Blob as Blob
from .build import Artifact as Artifact, Build as Build, LogPiece as LogPiece
from .builder import Builder as Builder
from .carrying import Carry as Carry, carry as carry, untouched_paths as untouched_paths
from .checklist import checklist_of as checklist_of, is_colleague as is_colleague
from .comparison import Comparison as Comparison
from .component import Component as Component, Recipe as Recipe, UpstreamFetch as UpstreamFetch
from .content import ContentCount as ContentCount, ContentStep as ContentStep
from .contribution import Contribution as Contribution
from .document import Document as Document, Unread as Unread, Word as Word
from .event import Event as Event, Telling as Telling
from .fit import Fit as Fit
from .following import Follow as Follow, SavedSearch as SavedSearch
from .fork import Carried as Carried, Fork as Fork
from .former import FormerName as FormerName
from .index import IndexFile as IndexFile
from .inquiry import Inquiry as Inquiry
from .invitation import Invitation as Invitation
from .judging import Claim as Claim, Environment as Environment, Tick as Tick, Trait as Trait
from .key import SigningKey as SigningKey
from .lines import LineComment as LineComment, LineCommentEdit as LineCommentEdit, Viewed as Viewed
from .lock import Lock as Lock
from .moderation import Flag as Flag, Seal as Seal
from .news import Mailing as Mailing, Notification as Notification
from .notices import Delivery as Delivery, Download as Download, Letter as Letter, Webhook as Webhook
from .person import ApiToken as ApiToken, Membership as Membership, Organisation as Organisation, Person as Person
from .publication import Publication as Publication
from .release import Release as Release
from .remembering import Offer as Offer, Resolution as Resolution
from .revision import Revision as Revision
from .settlement import Settlement as Settlement
from .sighting import Sighting as Sighting
from .stack import Assembly as Assembly, Forecast as Forecast, Pick as Pick, Stack as Stack
from .standing import Standing as Standing
from .tag import Tag as Tag
from .touch import Place as Place, Touch as Touch
from .transfer import Transfer as Transfer
from .voices import (
    Comment as Comment,
    CommentEdit as CommentEdit,
    CommentVote as CommentVote,
    FieldReport as FieldReport,
    Review as Review,
    Vote as Vote,
)
